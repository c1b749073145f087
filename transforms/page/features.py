"""The names of what is measured of each block: the columns that the classifier reads.

A block's own text and tags, its place, its neighbours, the elements around it and what their
authors call them, and the page's main column. `transforms.page.measure` and
`transforms.page.surroundings` measure them.
"""

from transforms.page.hints import HINTS
from transforms.page.names import listed
from transforms.page.patterns import TEXTS

OWN = listed(
    "characters words commas sentences function_words digits capitals separators wide last "
    "first link_share links function_share bold_share lines word_length heading tag_kind "
    "italic_share repeated_text depth"
)
ELEMENT_TAGS = {
    "in_list": "ul ol dl",
    "in_table": "table",
    "in_quote": "blockquote",
    "in_section": "section",
    "in_article": "article",
    "in_main": "main",
    "in_nav": "nav menu",
    "in_footer": "footer",
    "in_aside": "aside",
    "in_header": "header",
    "in_form": "form fieldset",
    "in_figure": "figure",
}
PLACE = listed(
    "block block_from_end share_before characters_before characters_after prose_before "
    "prose_after since_heading heading_level after_first_heading heading_link_share "
    "first_heading_distance"
)
NEIGHBOURS = tuple(
    f"{name}_{side}{distance}"
    for distance in (1, 2, 3)
    for side in ("before", "after")
    for name in ("characters", "link_share", "sentences", "same_parent")
)
WINDOWS = tuple(f"{name}_within_{radius}" for radius in (2, 6) for name in ("prose", "links"))
ANCESTORS = tuple(
    f"{which}_{name}"
    for which in ("parent", "grandparent", "third", "fourth")
    for name in ("characters", "link_share", "blocks", "prose_share", "sentences", "mean_prose")
)
COLUMN = listed(
    "above_column below_column above_best below_best column_share best_share page_prose "
    "page_characters page_blocks same_class same_class_share"
)
FEATURES = (
    *OWN,
    *TEXTS,
    *PLACE,
    *NEIGHBOURS,
    *WINDOWS,
    *ANCESTORS,
    *COLUMN,
    *(f"named_{name}" for name in HINTS),
    *ELEMENT_TAGS,
)
"""The columns, in the order of the matrix."""


def column_of(name: str) -> int:
    """The column of a feature."""
    return FEATURES.index(name)
