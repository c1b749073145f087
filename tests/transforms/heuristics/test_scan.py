"""Words and lines read eight bytes at a time, and words parted by their bytes: slow ways agree."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.golden.heuristics import texts
from transforms.heuristics import english
from transforms.heuristics.characters import SPACE, character_table
from transforms.heuristics.scan import Scan, scans, word_hash
from transforms.heuristics.scan_bytes import Words
from transforms.heuristics.unicode_words import unicode_words
from transforms.normalize import NormalizeOptions, normalize_text

PIECES = ["a", "of", "seven..", "eight888", "ninewords", "sixteen-letters!", "x" * 70, "Ab9"]
PIECES += ["é", "水水", "\u2028", "\u3000", "\x00", "\x07", "\x1f", "\x7f", "\xa0", "\t", "\ufeff"]
RAW = ["\n", " ", b"\x80", b"\xff", b"\xc3", b"\xe2\x80", b"\xf0\x9f\x98", b"\xed\xa0\x80"]
BYTES = st.lists(st.sampled_from([*PIECES, *RAW]), max_size=30).map(
    lambda pieces: b"".join(p if isinstance(p, bytes) else p.encode() for p in pieces)
)
MARKED = st.lists(
    st.sampled_from(
        [
            *"aZs09().,:;!?'\"-/$%*&[]#",
            "s.",
            "'s",
            "n't",
            "cannot",
            "e.g",
            "é",
            " ",
            "\x00",
            "\x07",
            "well-known",
        ]
    ),
    max_size=40,
).map("".join)


def characters_of(data: bytes) -> Iterator[tuple[int, str]]:
    """Places and characters; a byte that begins no character is U+FFFD."""
    at = 0
    while at < len(data):
        for size in range(1, 5):
            try:
                yield at, data[at : at + size].decode()
                break
            except UnicodeDecodeError:
                size = 0
        if not size:
            yield at, "\ufffd"
        at += max(size, 1)


def words_of(data: bytes) -> list[list[tuple[int, str]]]:
    """Runs of characters that aren't white space."""
    found: list[list[tuple[int, str]]] = [[]]
    for at, character in characters_of(data):
        if character.isspace():
            found.append([])
        else:
            found[-1].append((at, character))
    return [word for word in found if word]


def one_scan(data: list[bytes]) -> Scan:
    return next(scans(pa.array(data, pa.binary())))


def check(rows: list[bytes]) -> None:
    scan = one_scan(rows)
    begins = np.cumsum([0, *map(len, rows)])
    told = [word for row in rows for word in words_of(row)]
    assert np.diff(scan.words.offsets[: len(rows) + 1]).tolist() == [len(words_of(r)) for r in rows]
    number, hashes = 0, {}
    for row, begin in zip(rows, begins, strict=False):
        for word in words_of(row):
            text = "".join(character for _, character in word)
            assert scan.words.starts[number] == begin + word[0][0]
            size = scan.words.ends[number] - scan.words.starts[number]
            assert scan.words.lengths[number] == len(text)
            assert scan.words.flags[number] == np.bitwise_or.reduce(
                character_table()[[ord(character) for character in text]]
            )
            content = row[word[0][0] : word[0][0] + size]
            assert [c for _, c in characters_of(content)] == [c for _, c in word]
            assert hashes.setdefault(text, scan.words.hashes[number]) == scan.words.hashes[number]
            number += 1
    assert number == len(told)
    assert len(set(hashes.values())) == len(hashes)


@given(st.lists(st.one_of(BYTES, st.binary(max_size=40)), min_size=1, max_size=4))
@settings(max_examples=100)
def test_words_are_those_that_a_slow_reader_finds(rows: list[bytes]) -> None:
    check(rows)


@pytest.mark.parametrize("size", range(1, 26))
def test_a_word_is_the_same_at_any_place_and_at_a_texts_end(size: int) -> None:
    word = b"abcdefghijklmnopqrstuvwxyz"[:size]
    rows = [b" " * before + word + after for before in range(9) for after in (b"", b" ", b"\n")]
    check(rows)
    assert set(one_scan(rows).words.hashes[: len(rows)]) == {word_hash(word.decode())}


@given(BYTES)
def test_lines_have_the_lengths_and_letters_that_python_counts(data: bytes) -> None:
    lines, number = one_scan([data]).lines, 0
    for line in data.split(b"\n") if data else []:
        text = "".join(character for _, character in characters_of(line))
        assert lines.lengths[number] == len(text)
        assert lines.uppers[number] == sum(map(str.isupper, text))
        assert lines.digits[number] == sum(map(str.isdigit, text))
        assert lines.leading[number] == (len(text) - len(text.lstrip()) if text.strip() else 0)
        number += 1
    assert lines.offsets[1] == number


def all_by_letters(
    _data: NDArray[np.uint8], words: Words, count: int, *_: object
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """What `choose_words` would say if it knew nothing of words: read each by its letters."""
    limits = np.concatenate([[0], np.cumsum(words.lengths[:count], dtype=np.int64)])
    return np.arange(count), np.zeros(count, np.uint64), limits


def check_tokens(rows: list[str]) -> None:
    """Tokens are the same whether words are parted by their bytes or all by their letters."""
    for scan in scans(pa.array(rows)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(english, "choose_words", all_by_letters)
            slow = english.english_tokens(scan)
        fast, count = english.english_tokens(scan), slow.of_words[-1]
        for name in ("hashes", "lengths", "flags"):
            ours, theirs = getattr(fast, name)[:count], getattr(slow, name)[:count]
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
        np.testing.assert_array_equal(fast.of_words, slow.of_words)
        np.testing.assert_array_equal(fast.offsets, slow.offsets)


@given(st.lists(MARKED, min_size=1, max_size=4))
@settings(max_examples=300)
def test_words_part_by_their_bytes_as_they_do_by_their_letters(rows: list[str]) -> None:
    check_tokens(rows)


def test_words_of_golden_texts_part_so_too() -> None:
    check_tokens(texts())


def test_words_of_real_texts_part_so_too(shared_data: Path) -> None:
    found = []
    for path in sorted((shared_data / "text").rglob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            rows = [json.loads(line) for line, _ in zip(lines, range(100), strict=False)]
        found += [(row.get("text") or "")[:20_000] for row in rows]
    check_tokens(found)
    check_tokens(normalize_text(pa.array(found), options=NormalizeOptions()).to_pylist())


def test_the_table_has_no_white_space_between_the_blank_and_the_delete_character() -> None:
    assert not (character_table()[0x21:0x7F] & np.uint32(SPACE)).any()


@given(BYTES)
def test_words_by_boundary_have_the_hash_of_the_same_word_between_blanks(data: bytes) -> None:
    scan = one_scan([data])
    words, texts_of = unicode_words(scan), {}
    for word in words_of(data):
        texts_of["".join(character for _, character in word)] = None
    for text in texts_of:
        alone = unicode_words(one_scan([text.encode()]))
        if alone.of_words[-1] == 1 and alone.lengths[0] == len(text):
            assert alone.hashes[0] == word_hash(text)
            assert word_hash(text) in words.hashes[: words.of_words[-1]]
