"""The main text of a page: its blocks are cut, measured and scored; the likely ones are kept.

A page where the classifier keeps next to nothing, as it may be one of a kind that it never saw,
falls back to its prose outside of navigation, footers and the like, if there clearly is more; one
whose HTML has next to no text, to what it shows without scripts or frames, or to the article that
its scripts state.

Cost (2-core AMD EPYC, with other jobs beside it): 1.7 ms for a page of 130 kB.
"""

import html
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.extract_options import ExtractOptions
from transforms.markup import RefusedPageError, markup_cost
from transforms.page.block_text import WRAP
from transforms.page.blocks import Blocks
from transforms.page.context import context_features
from transforms.page.cut import cut_blocks
from transforms.page.features import FEATURES
from transforms.page.forest import Judge, forest_scores, load_judge
from transforms.page.linked_data import stated_body
from transforms.page.looks import block_looks
from transforms.page.measure import block_features
from transforms.page.names import listed
from transforms.page.render import render_blocks
from transforms.page.scan import Tokens, scan_tags
from transforms.page.wholes import keep_wholes


class ReadPage(NamedTuple):
    """A page's tags and blocks."""

    data: NDArray[np.uint8]
    tokens: Tokens
    cut: Blocks


def read_page(
    page: bytes, *, maximum_tags: int, maximum_depth: int, image_texts: bool = False
) -> ReadPage:
    """The tags and blocks of a page in UTF-8.

    Raises:
        RefusedPageError: it has more tags, or elements nested deeper, than allowed.
    """
    data = np.frombuffer(page, np.uint8)
    tokens = scan_tags(data, maximum=maximum_tags)
    if tokens is None:
        tags = markup_cost(page).tags
        raise RefusedPageError(f"too_many_tags: {tags:,}, {maximum_tags:,} are read")
    # Of fewer tags even a chain costs little, so that its depth doesn't matter.
    depth = maximum_depth if len(tokens.tags) > _MANY_TAGS else len(tokens.tags) + 1
    cut = cut_blocks(data, tokens, maximum_depth=depth, image_texts=image_texts)
    if cut is None:
        raise RefusedPageError(f"too_deep: elements are nested more than {maximum_depth} deep")
    return ReadPage(data, tokens, cut)


_MANY_TAGS = 8_000

_SHORT = 200
"""Characters of a main text that may not be all."""

_HEADING_CUT = -131_072
"""Score above which a heading stays over a kept block."""

_HEADINGS_IN_A_ROW = 2

_FEW_BLOCKS = 10
"""A page with no more is taken whole where nothing of it is sure."""

_MANY_LINKS = 400
"""Thousandths of a text in links."""

_FURNITURE = listed(
    "in_nav in_footer in_aside in_header in_form named_navigation named_footer named_consent "
    "named_sidebar named_advertising named_hidden named_unseen"
)
_CHARACTERS, _HEADING, _LINK_SHARE, _WORDS, _WIDE, _SENTENCES = (
    FEATURES.index(name) for name in listed("characters heading link_share words wide sentences")
)
_FURNITURE_COLUMNS = [FEATURES.index(name) for name in _FURNITURE]
_NAMED_COMMENTS, _NAMED_UNSEEN, _IN_FOOTER = map(
    FEATURES.index, ("named_comments", "named_unseen", "in_footer")
)
_SMALL = 2
"""Bit of a name's feature: an element with at most half of the page's prose has it."""

_WITHOUT = re.compile(rb"<(/?)no(?:script|frames)\b", re.IGNORECASE)
"""What a page shows where there are no scripts, or no frames."""

_UNSEEN_CHARACTERS = "\u00ad\u2060\u200b"
_UNSEEN = re.compile(
    "[\u00ad\u2060]|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff])"
)
"""Where words may, or may not, be broken; between words of Thai, Lao, Khmer, Burmese it stays."""


def page_text(read: ReadPage, options: ExtractOptions) -> str:
    """The text of a page, its blocks parted by blank lines: all that is shown, or the main one."""
    if not options.main_content:
        return _whole_text(read, options)
    text = _main_text(read, options)
    if len(text) >= _SHORT:
        return text
    page = read.data.tobytes()
    if _WITHOUT.search(page):
        shown = _main_text(_read(_WITHOUT.sub(rb"<\1div", page), options), options)
        text = shown if len(shown) >= max(2 * len(text), _SHORT) else text
    body = stated_body(read.data, read.tokens)
    if len(body) >= max(2 * len(text), _SHORT // 2):
        return _whole_text(_read(body.encode(), options), options)
    return text


def _main_text(read: ReadPage, options: ExtractOptions) -> str:
    features = block_features(*read)
    scores = judge_blocks(features, read.cut, block_looks(*read), load_judge())
    kept = main_blocks(read.cut, features, scores)
    if options.comments:
        kept |= _comment_blocks(features)
    return blocks_text(read.cut, kept, list_bullets=options.list_bullets)


def _whole_text(read: ReadPage, options: ExtractOptions) -> str:
    shown = ~_is_hidden(block_features(*read))
    return blocks_text(read.cut, shown, list_bullets=options.list_bullets)


def _read(page: bytes, options: ExtractOptions) -> ReadPage:
    return read_page(
        page,
        maximum_tags=options.maximum_tags,
        maximum_depth=options.maximum_depth,
        image_texts=options.image_texts,
    )


def main_blocks(
    cut: Blocks, features: NDArray[np.int32], scores: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Which blocks are main text: by their scores, or all prose where these keep next to none.

    A line of a footer is no main text for being all that the scores keep.
    """
    kept = _with_headings(features, scores, scores > 0)
    characters = features[_CHARACTERS]
    linked = characters * features[_LINK_SHARE].astype(np.int64) // 1000
    kept |= keep_wholes(cut, characters, linked, scores)
    kept &= ~_is_hidden(features)
    found = int(characters[kept].sum())
    if found >= _SHORT:
        return kept
    prose, bare = _prose_blocks(features)
    outside = features[_IN_FOOTER] == 0
    if not (kept & outside & ~_in_furniture(features)).any():
        kept, found = np.zeros_like(kept), 0
    if int(characters[prose].sum()) > max(2 * found, _SHORT):
        return prose
    return bare & outside if found == 0 and len(kept) <= _FEW_BLOCKS else kept


def blocks_text(cut: Blocks, kept: NDArray[np.bool_], *, list_bullets: bool) -> str:
    """The text of the kept blocks."""
    text = render_blocks(cut, kept, list_bullets=list_bullets).decode().replace(chr(WRAP), "")
    text = html.unescape(text) if "&" in text else text
    # Few texts have any, and looking for each of them is a hundred times as fast as the pattern.
    is_clean = text.isascii() or not any(character in text for character in _UNSEEN_CHARACTERS)
    return text if is_clean else _UNSEEN.sub("", text)


def judge_blocks(
    features: NDArray[np.int32], cut: Blocks, looks: NDArray[np.int64], judge: Judge
) -> NDArray[np.int32]:
    """The score of each block after both forests, above 0 for main text."""
    first = forest_scores(features, judge.first)
    return forest_scores(block_context(features, cut, looks, first), judge.second)


def block_context(
    features: NDArray[np.int32],
    cut: Blocks,
    looks: NDArray[np.int64],
    scores: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Features and context of each block, (len(FEATURES) + len(CONTEXT), blocks) int32."""
    context = context_features(cut, features[_CHARACTERS], features[_HEADING], looks, scores)
    return np.concatenate([features, context])


def _with_headings(
    features: NDArray[np.int32], scores: NDArray[np.int32], kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The kept blocks and the headings right above them, unless the classifier is quite sure."""
    likely = (scores > _HEADING_CUT) & (features[_LINK_SHARE] < _MANY_LINKS)
    headings = likely & (features[_HEADING] > 0)
    for _ in range(_HEADINGS_IN_A_ROW):
        kept = kept | (headings & np.append(kept[1:], False))
    return kept


def _comment_blocks(features: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Blocks in elements for comments that read like running text and stand in no furniture."""
    sentences, named = features[[_SENTENCES, _NAMED_COMMENTS]]
    text: NDArray[np.bool_] = (named > 0) & ((sentences > 0) | (_words(features) >= 8))
    return text & _prose_blocks(features)[1]


def _prose_blocks(
    features: NDArray[np.int32],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Blocks that read like running text and stand in no furniture; all that stand in none."""
    link_share, sentences, words = *features[[_LINK_SHARE, _SENTENCES]], _words(features)
    bare: NDArray[np.bool_] = ~_in_furniture(features) & (link_share < _MANY_LINKS)
    return bare & (((words >= 8) & (sentences > 0)) | (words >= 20)), bare


def _is_hidden(features: NDArray[np.int32]) -> NDArray[np.bool_]:
    hidden: NDArray[np.bool_] = (features[_NAMED_UNSEEN] & _SMALL) > 0
    return hidden


def _in_furniture(features: NDArray[np.int32]) -> NDArray[np.bool_]:
    marks = np.bitwise_or.reduce(features[_FURNITURE_COLUMNS])
    furniture: NDArray[np.bool_] = (marks & _SMALL) > 0
    return furniture


def _words(features: NDArray[np.int32]) -> NDArray[np.int32]:
    """Words of each block, two characters being one where no blanks part them."""
    words: NDArray[np.int32] = features[_WORDS] + features[_WIDE] // 2
    return words
