"""The main text of a page: its blocks are cut, measured and scored; the likely ones are kept.

A page where the classifier keeps next to nothing, as it may be one of a kind that it never saw,
falls back to its prose outside of navigation, footers and the like, if there clearly is more.

Cost (2-core AMD EPYC): 0.9 ms for a page of 150 kB.
"""

import html
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.markup import RefusedPageError, markup_cost
from transforms.page.blocks import Blocks, cut_blocks
from transforms.page.context import context_features
from transforms.page.features import FEATURES
from transforms.page.forest import Judge, forest_scores, load_judge
from transforms.page.measure import block_features
from transforms.page.names import listed
from transforms.page.render import render_blocks
from transforms.page.scan import Tokens, scan_tags

if TYPE_CHECKING:
    from transforms.extract import ExtractOptions


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

_TITLE_CUT, _HEADING_CUT = -262_144, -131_072
"""Scores above which a heading over a kept block stays: of level 1, where tools differ; others."""

_HEADINGS_IN_A_ROW = 2

_FEW_BLOCKS = 10
"""A page with no more is taken whole where nothing of it is sure."""

_MANY_LINKS = 400
"""Thousandths of a text in links."""

_FURNITURE = listed(
    "in_nav in_footer in_aside in_header in_form named_navigation named_footer named_consent "
    "named_sidebar named_advertising named_hidden"
)
_CHARACTERS, _HEADING, _LINK_SHARE, _WORDS, _SENTENCES = (
    FEATURES.index(name) for name in listed("characters heading link_share words sentences")
)
_FURNITURE_COLUMNS = [FEATURES.index(name) for name in _FURNITURE]
_COMMENT_COLUMNS = [FEATURES.index(name) for name in ("named_comments", "says_comment")]
_SMALL = 2
"""Bit of a name's feature: an element with at most half of the page's prose has it."""


def page_text(read: ReadPage, options: "ExtractOptions") -> str:
    """The text of a page, its blocks parted by blank lines: all, or the main one."""
    kept = np.ones(len(read.cut.blocks), np.bool_)
    if options.main_content:
        features = block_features(*read)
        if options.comments:
            # Nothing then tells a comment from an article's paragraph.
            features[_COMMENT_COLUMNS] = 0
        kept = main_blocks(features, judge_blocks(features, read.cut, load_judge()))
    return blocks_text(read.cut, kept, list_bullets=options.list_bullets)


def main_blocks(features: NDArray[np.int32], scores: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which blocks are main text: by their scores, or all prose where these keep next to none."""
    kept = _with_headings(features, scores, scores > 0)
    characters = features[_CHARACTERS]
    found = int(characters[kept].sum())
    if found >= _SHORT:
        return kept
    prose, bare = _prose_blocks(features)
    if int(characters[prose].sum()) > max(2 * found, _SHORT):
        return prose
    return bare if found == 0 and len(kept) <= _FEW_BLOCKS else kept


def blocks_text(cut: Blocks, kept: NDArray[np.bool_], *, list_bullets: bool) -> str:
    """The text of the kept blocks."""
    text = render_blocks(cut, kept, list_bullets=list_bullets).decode()
    return html.unescape(text) if "&" in text else text


def judge_blocks(features: NDArray[np.int32], cut: Blocks, judge: Judge) -> NDArray[np.int32]:
    """The score of each block after both forests, above 0 for main text."""
    first = forest_scores(features, judge.first)
    return forest_scores(block_context(features, cut, first), judge.second)


def block_context(
    features: NDArray[np.int32], cut: Blocks, scores: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Features and context of each block, (len(FEATURES) + len(CONTEXT), blocks) int32."""
    context = context_features(cut, features[_CHARACTERS], features[_HEADING], scores)
    return np.concatenate([features, context])


def _with_headings(
    features: NDArray[np.int32], scores: NDArray[np.int32], kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The kept blocks and the headings right above them, unless the classifier is quite sure."""
    level = features[_HEADING]
    likely = scores > np.where(level == 1, _TITLE_CUT, _HEADING_CUT)
    headings = likely & (level > 0) & (features[_LINK_SHARE] < _MANY_LINKS)
    for _ in range(_HEADINGS_IN_A_ROW):
        kept = kept | (headings & np.append(kept[1:], False))
    return kept


def _prose_blocks(
    features: NDArray[np.int32],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Blocks that read like running text and stand in no furniture; all that stand in none."""
    link_share, words, sentences = features[[_LINK_SHARE, _WORDS, _SENTENCES]]
    furniture = (features[_FURNITURE_COLUMNS] & _SMALL).any(axis=0)
    bare: NDArray[np.bool_] = ~furniture & (link_share < _MANY_LINKS)
    return bare & (((words >= 8) & (sentences > 0)) | (words >= 20)), bare
