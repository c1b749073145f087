"""Main text of each record: HTML through lexbor's tree and resiliparse's rules, text decoded.

The trade-off is speed for precision: resiliparse reads a page in 2 ms where trafilatura takes ten,
finds as much of the main text and lets a little more of the page's furniture through. Two changes
to its defaults, measured on 990 pages with gold strings (precision, recall: 0.755, 0.944): comments
and texts that stand for images are left out (0.792, 0.939), and where next to nothing is found, as
on one page in fifty, the page's long lines are taken (0.793, 0.951).

A page can't stop the run. Markup that makes tree builders quadratic is refused before a tree is
built (`transforms.markup`), trees deeper than any browser's before extraction, whose cost grows
with size times depth. Whatever a library raises becomes the record's error.

Cost (2-core AMD EPYC): 2.3 ms for a page of 150 kB: the tree and its text 1.95, decoding 0.1, the
look at the markup 0.15.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from schemas.records import HTML
from transforms.charset import decode_text
from transforms.markup import markup_cost

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree

_SMALL_TAGS, _SMALL_CHARACTERS = 1_500, 131_072
"""A page below both costs three seconds at worst, whatever its markup: half of all real pages."""

_MANY_TAGS = 8_000
"""With fewer, even a chain of them costs two seconds at worst."""

_SHORT, _PROSE = 200, 80
"""Characters of a main text that may not be all; bytes of a line that is prose."""

_FURNITURE = ("nav", "footer", "aside", "form")

_MAXIMUM_ATTRIBUTES = 1_000
_MAXIMUM_REOPENED = 1_000_000
"""Of 1,120 real pages the worst has 70 attributes in a tag and may reopen 231,760 elements."""


class ExtractOptions(BaseModel):
    """Recipe section `extract`: what of a page is its text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    main_content: bool = True
    comments: bool = False
    image_texts: bool = False
    list_bullets: bool = True
    maximum_tags: int = Field(default=100_000, ge=1_000)
    maximum_depth: int = Field(default=256, ge=16, le=1024)


class _RefusedError(ValueError):
    """A page that isn't read; the message is its error, 'code: detail'."""


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
    """The kernel: text and error row by row, since a tree is built for each page anyway."""
    columns = (batch.column(name) for name in ("content", "media", "charset"))
    for content, media, charset in zip(*columns, strict=True):
        body = content.as_py()
        if body is None:
            yield None, None
            continue
        try:
            text = decode_text(body, declared=charset.as_py(), html=media.as_py() == HTML)
            yield (_main_text(text, options) if media.as_py() == HTML else text), None
        except _RefusedError as refusal:
            yield None, str(refusal)
        except BaseException as error:
            # A panic in resiliparse's Rust code comes as an exception that isn't an Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            yield None, f"extract_failed: {type(error).__name__}: {error}"


def _main_text(html: str, options: ExtractOptions) -> str:
    from resiliparse.parse.html import HTMLTree

    _refuse_costly(html, options)
    tree = HTMLTree.parse(html)
    if html.count("<") > _MANY_TAGS and _deeper_than(tree, options.maximum_depth):
        raise _RefusedError(f"too_deep: elements are nested more than {options.maximum_depth} deep")
    text = _visible_text(tree, options, main_content=options.main_content)
    if options.main_content and len(text) < _SHORT:
        text = _longer(text, _visible_text(tree, options, skip_elements=_FURNITURE))
    return _encodable(text)


def _visible_text(tree: "HTMLTree", options: ExtractOptions, **choice: Any) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(
        tree,
        preserve_formatting=True,
        list_bullets=options.list_bullets,
        alt_texts=options.image_texts,
        comments=options.comments,
        **choice,
    )


def _longer(main: str, visible: str) -> str:
    """The visible lines of prose where they clearly are the page's text, which the rules missed."""
    prose = "\n\n".join(filter(_is_prose, visible.splitlines()))
    return prose if len(prose) > max(2 * len(main), _SHORT) else main


def _is_prose(line: str) -> bool:
    """Whether a line is long, and no item of a list, where mostly links to other pages stand."""
    return len(line.encode("utf-8", "replace")) >= _PROSE and not line.lstrip().startswith("•")


def _refuse_costly(html: str, options: ExtractOptions) -> None:
    """Returns when a tree of the page can be built in bounded time and memory."""
    if len(html) < _SMALL_CHARACTERS and html.count("<") < _SMALL_TAGS:
        return
    cost = markup_cost(html.encode("utf-8", "replace"))
    if cost.tags > options.maximum_tags:
        raise _RefusedError(f"too_many_tags: {cost.tags:,}, {options.maximum_tags:,} are read")
    if cost.attributes > _MAXIMUM_ATTRIBUTES:
        raise _RefusedError(
            f"too_many_attributes: {cost.attributes:,} in one tag, {_MAXIMUM_ATTRIBUTES:,} are read"
        )
    if cost.reopened > _MAXIMUM_REOPENED:
        raise _RefusedError("too_many_unclosed: formatting elements that a tree would repeat")


def _deeper_than(tree: "HTMLTree", depth: int) -> bool:
    """Whether some element has that many ancestors; the chain of selectors asks lexbor for one."""
    document = tree.document
    chain = " > ".join(["*"] * (depth + 1))
    return document is not None and document.query_selector(chain) is not None


def _encodable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no string array can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
