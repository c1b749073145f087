"""Main text of each record: HTML through one of three engines, text decoded.

* `penstock` (`transforms.page`): a page's blocks, each judged by a small trained classifier; no
  tree is built, so that time and memory are linear in the page whatever its markup.
* `resiliparse`: lexbor's tree and fixed rules.
* `trafilatura`: the reference in quality, in a process of its own with a deadline for each page.

A page can't stop the run. Where a tree is built, markup that makes tree builders quadratic is
refused before (`transforms.markup`); nesting deeper than any browser's is refused by all. Whatever
a library raises becomes the record's error. What can't be decoded in good part is no text but an
image, a program, or a body whose compression was never undone.

Cost (2-core AMD EPYC, 2026-11-23, one run over 1,120 pages of 150 kB beside other jobs): 1.9 ms a
page, decoding and the page's claims included; resiliparse 2.1, trafilatura 25, its fast mode 19.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.records import HTML
from schemas.signals import CLAIMS
from transforms.charset import decode_text, utf8_body
from transforms.extract_options import ExtractEngine, ExtractOptions
from transforms.markup import RefusedPageError, refuse_costly

if TYPE_CHECKING:
    from transforms.page.facts import Facts


class Extracted(NamedTuple):
    """What became of a batch of records."""

    text: pa.StringArray
    """Text of each record; null where it failed or has no content."""
    error: pa.StringArray
    """'code: detail'; null where nothing failed."""
    claims: pa.RecordBatch
    """What each page says of itself: the columns of `schemas.signals.CLAIMS`."""


def extract_pages(batch: pa.RecordBatch, *, options: ExtractOptions) -> Extracted:
    """Text, error and claims of each record.

    A record without content has neither text nor error: the reader dropped it or told its error
    already. A page without text is no error, its text is empty.
    """
    rows = list(_extract_rows(batch, options))
    texts, errors, facts = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [
        pa.array([getattr(fact, field.name) for fact in facts], field.type) for field in CLAIMS
    ]
    claims = pa.RecordBatch.from_arrays(columns, schema=CLAIMS)
    return Extracted(pa.array(texts, pa.string()), pa.array(errors, pa.string()), claims)


def extract_text(
    batch: pa.RecordBatch, *, options: ExtractOptions
) -> tuple[pa.StringArray, pa.StringArray]:
    """Text of each record and, where there is none, the error 'code: detail'."""
    extracted = extract_pages(batch, options=options)
    return extracted.text, extracted.error


def _extract_rows(
    batch: pa.RecordBatch, options: ExtractOptions
) -> Iterator[tuple[str | None, str | None, "Facts"]]:
    """The kernel: row by row, each page being a world of its own."""
    from transforms.page.facts import Facts

    columns = (batch.column(name) for name in ("content", "media", "charset"))
    for content, media, charset in zip(*columns, strict=True):
        body = content.as_py()
        if body is None:
            yield None, None, Facts()
            continue
        try:
            if media.as_py() == HTML:
                text, facts = _read_page(utf8_body(body, declared=charset.as_py()), options)
            else:
                text, facts = decode_text(body, declared=charset.as_py(), html=False), Facts()
            yield _checked(text), None, facts
        except RefusedPageError as refusal:
            yield None, str(refusal), Facts()
        except BaseException as error:
            # A panic in resiliparse's Rust code comes as an exception that isn't an Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            yield None, f"extract_failed: {type(error).__name__}: {error}", Facts()


def _read_page(page: bytes, options: ExtractOptions) -> tuple[str, "Facts"]:
    """Text and claims of a page in UTF-8."""
    from transforms.page.facts import Facts, page_facts
    from transforms.page.main_text import page_text, read_page
    from transforms.page.scan import scan_tags

    if options.engine is ExtractEngine.PENSTOCK:
        read = read_page(
            page,
            maximum_tags=options.maximum_tags,
            maximum_depth=options.maximum_depth,
            image_texts=options.image_texts,
        )
        return page_text(read, options), page_facts(read.data, read.tokens)
    decoded = page.decode("utf-8", "replace")
    refuse_costly(decoded, maximum_tags=options.maximum_tags)
    data = np.frombuffer(page, np.uint8)
    tokens = scan_tags(data, maximum=len(data))
    facts = page_facts(data, tokens) if tokens else Facts()
    if options.engine is ExtractEngine.TRAFILATURA and options.main_content:
        from transforms.extract_trafilatura import trafilatura_text

        return trafilatura_text(decoded, options), facts
    from transforms.extract_resiliparse import resiliparse_text

    return resiliparse_text(decoded, options), facts


def _checked(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no string array can hold.

    Raises:
        RefusedPageError: too much of it is U+FFFD.
    """
    if text.isascii():
        return text
    text = text.encode("utf-8", "replace").decode()
    lost = text.count("\ufffd")
    if lost > max(_MOST_LOST * len(text), _FEW_LOST):
        raise RefusedPageError(f"not_text: {lost:,} of {len(text):,} characters can't be decoded")
    return text


_MOST_LOST, _FEW_LOST = 0.25, 16
"""Share of a text's characters that may be U+FFFD, and how many may be at any rate."""
