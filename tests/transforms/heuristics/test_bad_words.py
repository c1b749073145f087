"""Words of a list: beside the regular expressions of C4's tools and RedPajama's counting."""

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.heuristics.redpajama_oracle import normalized
from transforms.heuristics.bad_words import WITHOUT_SPACES
from transforms.heuristics.c4 import LineRules
from transforms.heuristics.columns import chosen
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.scan import MAXIMUM_BYTES
from transforms.heuristics.word_lists import Listed, WordList
from transforms.normalize import NormalizeOptions, normalize_text

COUNTS = chosen(["bad_words", "folded_bad_words"])
LISTS = {
    "en": (
        "weir",
        "mill race",
        "x-cut",
        "naïve",
        "race",
        "a+b",
        "2g",
        "mill",
        "🖕",
        "sluice  gate",
    ),
    "de": ("größe", "straße", "öl", "wehr an", "ab", "aba"),
    "ru": ("шлюз", "вода"),
    "el": ("νερός",),
    "hi": ("जल",),
    "ja": ("水門", "sm", "グロ"),
    "zh": ("性", "水"),
    "th": ("น้ำ",),
}
ENTRIES = sorted({entry for entries in LISTS.values() for entry in entries})


def word_lists() -> dict[str, WordList]:
    return {code: WordList(entries, "") for code, entries in LISTS.items()}


def c4_finds(text: str, language: str) -> bool:
    """What mC4's code and datatrove's search for: entries that C4 allows are none."""
    entries = [e for e in LISTS.get(language, ()) if e not in ("sm", "グロ", "女の子", "性")]
    either = "|".join(map(re.escape, entries))
    pattern = either if language in WITHOUT_SPACES else rf"(?:\W|^)({either})(?:\W|$)"
    return bool(entries) and re.search(pattern, text.lower()) is not None


def redpajama_counts(text: str, language: str) -> int:
    entries, words = set(LISTS.get(language, ())), normalized(text).split()
    sizes = {1 + entry.count(" ") for entry in entries}
    return sum(
        " ".join(words[at : at + size]) in entries
        for size in sizes
        for at in range(len(words) - size + 1)
    )


def found(texts: list[str], languages: list[str | None]) -> list[Mapping[str, int]]:
    listed = Listed(word_lists(), pa.array(languages, pa.string()))
    rows: list[Mapping[str, int]] = heuristic_signals(
        pa.array(texts, pa.string()), COUNTS, listed=listed
    ).signals.to_pylist()
    return rows


def check(texts: list[str], languages: list[str]) -> None:
    for text, code, row in zip(texts, languages, found(texts, list(languages)), strict=True):
        assert (row["bad_words"] > 0) == c4_finds(text, code), (code, text)
        assert row["folded_bad_words"] == redpajama_counts(text, code), (code, text)


def test_entries_stand_between_what_is_no_letter_or_anywhere_without_spaces() -> None:
    assert [
        row["bad_words"] for row in found(["Weir, weirs and (WEIR)_weir!"] * 2, ["en", "fr"])
    ] == [2, 0]
    assert found(["ที่น้ำไหล", "下水門前"], ["th", "ja"])[0]["bad_words"] == 1
    check(
        ["mill  race", "the mill race", "a+b=c", "水性", "SM グロ", "नदीजल"],
        ["en"] * 3 + ["zh", "ja", "hi"],
    )


PIECES = st.sampled_from(
    [*ENTRIES, *map(str.upper, ENTRIES), " ", "\n", "_", "-", ".", "s", "\u0301", "é"]
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=12), st.sampled_from([*LISTS, "fr"]))
def test_made_texts(pieces: list[str], language: str) -> None:
    text = normalize_text(pa.array(["".join(pieces)]), options=NormalizeOptions())[0].as_py()
    check([text], [language])


@settings(max_examples=100)
@given(st.text(alphabet="abAB öÖşß_1-.'\n", max_size=30))
def test_any_text(text: str) -> None:
    check(normalize_text(pa.array([text]), options=NormalizeOptions()).to_pylist(), ["de"])


def test_sigma_and_dotted_i_are_one_letter_each() -> None:
    lists = {"el": WordList(("σοφός",), ""), "tr": WordList(("iz",), "")}
    listed = Listed(lists, pa.array(["el", "tr"]))
    rows = heuristic_signals(pa.array(["Ο ΣΟΦΌΣ!", "Bu İZ."]), COUNTS, listed=listed).signals
    assert rows["bad_words"].to_pylist() == [1, 1]


def test_bad_words_are_those_of_the_lines_that_stay() -> None:
    text = pa.array(["weir\nThe water runs on and on here.", "The weir[1] runs on and on here."])
    listed = Listed(word_lists(), pa.array(["en", "en"]))
    measured = heuristic_signals(text, COUNTS, line_rules=LineRules(fewest_words=3), listed=listed)
    assert measured.signals["bad_words"].to_pylist() == [0, 1]
    assert measured.signals["folded_bad_words"].to_pylist() == [1, 0]


def test_rows_of_languages_without_a_list_and_nulls_have_none() -> None:
    rows = found([None, "weir", "weir", ""], ["en", None, "und", "en"])  # type: ignore[list-item]
    assert all(set(row.values()) == {0} for row in rows)


def test_hostile_texts_are_searched_within_bounds() -> None:
    texts = ["weir " * 2_000_000, "水" * 3_000_000, "mill " * 1_000_000, "\x00" * 5_000_000]
    rows = found(texts, ["en", "zh", "en", "en"])
    assert rows[0]["bad_words"] == -(-MAXIMUM_BYTES // 5)
    assert rows[1]["bad_words"] == MAXIMUM_BYTES // 3
    no_text = pa.array([b"weir \xff\xff weir", b"\xed\xa0\x80weir"]).cast(pa.large_binary())
    listed = Listed(word_lists(), pa.array(["en", "en"]))
    assert heuristic_signals(no_text, COUNTS, listed=listed).signals["bad_words"].to_pylist() == [
        2,
        1,
    ]


def test_a_list_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_bytes("\ufeff weir \r\n\nmill race\nweir\n".encode())
    words = WordList.load(str(path))
    assert (words.entries, len(words.digest)) == (("mill race", "weir"), 32)
    assert WordList.load(str(path)) is words
    path.write_text("sluice\n")
    assert WordList.load(str(path)).entries == ("sluice",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "can't be read: No such file"),
        (b"caf\xe9\n", "isn't UTF-8 at byte 3; save it as UTF-8"),
        (b" \n\n", "has no entry; give a word or phrase on each line"),
        (b"x" * 300, "has a line of 300 bytes"),
    ],
)
def test_a_file_that_is_no_list_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "words"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        WordList.load(str(path))
