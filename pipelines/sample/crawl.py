"""The captures of the sample crawl, in the order in which its crawler met them."""

from dataclasses import replace

from pipelines.sample.choices import some
from pipelines.sample.dress import dress
from pipelines.sample.files import plan_files
from pipelines.sample.model import Capture, Kind, Page
from pipelines.sample.pages import mirror_url, plan_pages
from pipelines.sample.responses import capture_date, capture_page, http_message

EXACT_DUPLICATES = 40
RELATED = 6
_WHOLE_PARAGRAPHS = 3
_LETTERS_INTO_THE_NEXT = 40


def plan_captures(*, seed: int) -> list[Capture]:
    """All HTTP responses of the sample by date; a later copy may come before its original."""
    captures = _pages(seed=seed)
    captures += _exact_duplicates(captures, seed=seed)
    captures += plan_files(seed=seed)
    return sorted(captures, key=lambda capture: (capture_date(capture.url), capture.url))


def _pages(*, seed: int) -> list[Capture]:
    pages = plan_pages(seed=seed)
    by_site: dict[str, list[Page]] = {}
    for page in pages:
        if page.kind == Kind.ARTICLE:
            by_site.setdefault(page.site.host, []).append(page)
    return [_capture(page, by_site.get(page.site.host, [])) for page in pages]


def _capture(page: Page, siblings: list[Page]) -> Capture:
    chosen = some([p for p in siblings if p is not page], RELATED, "related", page.url)
    related = [(p.title, p.path) for p in chosen]
    if page.kind == Kind.TRUNCATED:
        return _cut(page, related)
    return capture_page(page, dress(page, related=related))


def _cut(page: Page, related: list[tuple[str, str]]) -> Capture:
    """The page as a crawler stores it whose limit fell into the fourth paragraph."""
    html = dress(page, related=related)
    kept = page.paragraphs[:_WHOLE_PARAGRAPHS]
    shorter = dress(replace(page, paragraphs=kept), related=related)
    shared = next(i for i, pair in enumerate(zip(html, shorter, strict=False)) if len({*pair}) > 1)
    lost = html[shared + _LETTERS_INTO_THE_NEXT :].encode(page.charset, "xmlcharrefreplace")
    whole = capture_page(page, html, transfer="plain")
    return replace(
        whole,
        message=whole.message[: -len(lost)],
        payload=whole.payload[: -len(lost)],
        paragraphs=kept,
    )


def _exact_duplicates(captures: list[Capture], *, seed: int) -> list[Capture]:
    """The same bytes at a mirror's address."""
    originals = [c for c in captures if c.kind == Kind.ARTICLE]
    chosen = some(originals, EXACT_DUPLICATES, seed, "exact")
    return [_copy(original, i) for i, original in enumerate(chosen)]


def _copy(original: Capture, index: int) -> Capture:
    url = mirror_url(original.url, index)
    mime = original.mime
    if original.declared_in in ("header", "both"):
        mime += f"; charset={original.declared}"
    message = http_message(url, mime, original.payload, transfer=original.transfer)
    return replace(original, kind=Kind.EXACT_DUPLICATE, url=url, message=message)
