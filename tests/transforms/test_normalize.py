import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.buffers import text_buffers
from transforms.normalize import NormalizeOptions, _classes, _clean, normalize_text

STANDARD = NormalizeOptions()
# Text with much of what normalization moves: marks, jamo, blanks, line ends, controls, strays.
ROUGH = st.text(
    st.sampled_from(
        "aé\u0301\u0327\u0323ᄀ\u1161\u11a8Å \t\u3000\u2001\u00a0\r\n\v\u0085\u2028\0\x9f"
    )
    | st.sampled_from("\ufeff\ufffe\ufdd0\U0001ffff\u200d日\u212b\u0344")
    | st.characters(codec="utf-8"),
    max_size=40,
)


def normalize(*texts: str | None, options: NormalizeOptions = STANDARD) -> list[str | None]:
    result = normalize_text(pa.array(texts, pa.string()), options=options)
    result.validate(full=True)
    rows: list[str | None] = result.to_pylist()
    return rows


@given(text=ROUGH)
@example("a\u0000\u0301")
@example("x \u2001\n")
@example("\u1100\ufeff\u1161")
def test_again_changes_nothing(text: str) -> None:
    (once,) = normalize(text)
    assert normalize(once) == [once]


@given(text=ROUGH)
def test_the_result_keeps_what_it_promises(text: str) -> None:
    (result,) = normalize(text)
    assert result is not None
    assert unicodedata.is_normalized("NFC", result)
    assert all(
        character in "\n\t" or unicodedata.category(character) != "Cc" for character in result
    )
    assert not any(ord(character) & 0xFFFE == 0xFFFE for character in result)
    lines = result.split("\n")
    assert lines == [line.rstrip() for line in lines] or result == ""
    assert "\n\n\n" not in result
    assert result == "" or (lines[0] and lines[-1])


@given(text=st.text(st.characters(exclude_categories=("C", "Z", "M")), max_size=40))
def test_visible_text_changes_only_by_composition(text: str) -> None:
    assert normalize(text) == [unicodedata.normalize("NFC", text)]


@given(texts=st.lists(st.none() | ROUGH, max_size=8), cut=st.integers(0, 8))
def test_batch_boundaries_do_not_matter(texts: list[str | None], cut: int) -> None:
    text = pa.array(texts, pa.string())
    parts = [
        normalize_text(part, options=STANDARD) for part in (text.slice(0, cut), text.slice(cut))
    ]
    assert pa.concat_arrays(parts).equals(normalize_text(text, options=STANDARD))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("\n \n\tindented \t\u00a0\n\n\n\n\nend\n\n", "\tindented\n\nend"),
        ("a\x00b\x1bc\x7fd\x9be", "abcde"),
        ("e\u0301 \u1112\u1161\u11ab", "é 한"),
        ("\ufeffmark\ufeff", "mark"),
        ("non\ufdd0cha\uffferacters\U0010ffff", "noncharacters"),
        ("👩\u200d🔬 \u200ckeep joiners", "👩\u200d🔬 \u200ckeep joiners"),
        ("\n\t \r\n", ""),
        ("", ""),
        (None, None),
    ],
)
def test_examples(text: str | None, expected: str | None) -> None:
    assert normalize(text) == [expected]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"),
        (b"a\xffb\xc3", "a\ufffdb\ufffd"),
        (b"\xf4\x90\x80\x80\xc0\xaf", "\ufffd" * 6),
    ],
)
def test_bytes_that_are_not_utf8_become_replacement_characters(
    stored: bytes, expected: str
) -> None:
    offsets = pa.py_buffer(pa.array([0, len(stored)], pa.int32()).buffers()[1])
    broken = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(stored))
    assert normalize_text(broken, options=STANDARD).to_pylist() == [expected]


def test_blank_lines_are_an_option() -> None:
    text = "a\n\n\n\nb"
    for blank_lines in range(4):
        options = NormalizeOptions(maximum_blank_lines=blank_lines)
        assert normalize(text, options=options) == ["a" + "\n" * (blank_lines + 1) + "b"]


@given(st.lists(st.text("a é日\n\t\u2003", max_size=12), max_size=4))
def test_nothing_is_written_past_the_end(texts: list[str]) -> None:
    buffers = text_buffers(pa.array(texts, pa.string()))
    sizes, _ = _clean(*buffers, _classes(), 2, np.empty(0, np.uint8))
    size = int(sizes.sum())
    memory = np.full(size + 64, 0xFF, np.uint8)
    _clean(*buffers, _classes(), 2, memory[:size])
    assert (memory[size:] == 0xFF).all()
