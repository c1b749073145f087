"""Main text of each record: HTML through one of three engines, text decoded.

* `penstock` (`transforms.page`): a page's blocks, each judged by a small trained classifier; no
  tree is built, so that time and memory are linear in the page whatever its markup.
* `resiliparse`: lexbor's tree and fixed rules.
* `trafilatura`: the reference in quality, in a process of its own with a deadline for each page.

A page can't stop the run. Where a tree is built, markup that makes tree builders quadratic is
refused before (`transforms.markup`); nesting deeper than any browser's is refused by all. Whatever
a library raises becomes the record's error.

Cost (2-core AMD EPYC) for a page of 150 kB: 1 ms, decoding 0.1 of it; resiliparse 2.2,
trafilatura 25.
"""

from collections.abc import Iterator
from enum import StrEnum

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from schemas.records import HTML
from transforms.charset import decode_text
from transforms.markup import RefusedPageError, refuse_costly


class ExtractEngine(StrEnum):
    """Whose idea of a main text is taken."""

    PENSTOCK = "penstock"
    RESILIPARSE = "resiliparse"
    TRAFILATURA = "trafilatura"


class ExtractOptions(BaseModel):
    """Recipe section `extract`: what of a page is its text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: ExtractEngine = ExtractEngine.PENSTOCK
    main_content: bool = True
    comments: bool = False
    image_texts: bool = False
    list_bullets: bool = True
    maximum_tags: int = Field(default=100_000, ge=1_000)
    maximum_depth: int = Field(default=256, ge=16, le=1024)
    page_timeout_s: float = Field(default=30, gt=0, le=600)
    """Of trafilatura, as is the next one."""
    pages_per_process: int = Field(default=500, ge=1)


def extract_text(
    batch: pa.RecordBatch, *, options: ExtractOptions
) -> tuple[pa.StringArray, pa.StringArray]:
    """Text of each record and, where there is none, the error 'code: detail'.

    A record without content has neither: the reader dropped it or told its error already. A page
    without text is no error, its text is empty.
    """
    pairs = list(_extract_rows(batch, options))
    texts, errors = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.array(texts, pa.string()), pa.array(errors, pa.string())


def _extract_rows(
    batch: pa.RecordBatch, options: ExtractOptions
) -> Iterator[tuple[str | None, str | None]]:
    """The kernel: text and error row by row, each page being a world of its own."""
    columns = (batch.column(name) for name in ("content", "media", "charset"))
    for content, media, charset in zip(*columns, strict=True):
        body = content.as_py()
        if body is None:
            yield None, None
            continue
        try:
            text = decode_text(body, declared=charset.as_py(), html=media.as_py() == HTML)
            text = _page_text(text, options) if media.as_py() == HTML else text
            yield _encodable(text), None
        except RefusedPageError as refusal:
            yield None, str(refusal)
        except BaseException as error:
            # A panic in resiliparse's Rust code comes as an exception that isn't an Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            yield None, f"extract_failed: {type(error).__name__}: {error}"


def _page_text(page: str, options: ExtractOptions) -> str:
    if options.engine is ExtractEngine.PENSTOCK:
        from transforms.page.main_text import page_text

        return page_text(page.encode("utf-8", "replace"), options)
    refuse_costly(page, maximum_tags=options.maximum_tags)
    if options.engine is ExtractEngine.TRAFILATURA and options.main_content:
        from transforms.extract_trafilatura import trafilatura_text

        return trafilatura_text(page, options)
    from transforms.extract_resiliparse import resiliparse_text

    return resiliparse_text(page, options)


def _encodable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no string array can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
