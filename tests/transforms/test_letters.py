import unicodedata

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.letters import letter_lines, script_marks

# What parts words, letters of scripts large and small, letters whose lower case is longer.
ROUGH = st.text(
    st.sampled_from("aBÉ İȺς 1٣-.,'’\n\0\u0301日本カ한글ไทยदि\U00020000\U0001f600\uffff")
    | st.characters(max_codepoint=0x06FF),
    max_size=40,
)
HAN = ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH")


def is_han(letter: str) -> bool:
    return 0x20000 <= ord(letter) < 0x40000 or unicodedata.name(letter, "").startswith(HAN)


def letters_in_python(text: str) -> str:
    """The definition again, by character names and categories."""
    line = ""
    for letter in text:
        if is_han(letter):
            line += " 一 "
        elif unicodedata.name(letter, "").startswith("HANGUL SYLLABLE"):
            line += " 가 "
        else:
            line += letter.lower()[0] if unicodedata.category(letter)[0] in "LM" else " "
    return " ".join(word for word in line.split(" ") if word)


@given(texts=st.lists(st.none() | ROUGH, max_size=6))
def test_short_texts_are_their_letters(texts: list[str | None]) -> None:
    lines = letter_lines(pa.array(texts, pa.string()), maximum_bytes=1_000)
    expected = [letters_in_python(text or "") + "\n" for text in texts]
    assert lines == expected


@given(text=ROUGH, maximum_bytes=st.integers(2, 60))
def test_a_long_text_is_cut_between_letters(text: str, maximum_bytes: int) -> None:
    (line,) = letter_lines(pa.array([text * 10]), maximum_bytes=maximum_bytes)
    assert line.endswith("\n")
    assert len(line.encode()) <= maximum_bytes + 12
    whole = letters_in_python(text * 10)
    assert set(line[:-1]) <= set(whole) | {" "}


def test_half_is_read_from_the_middle() -> None:
    text = "menu " * 100 + "water " * 100
    (line,) = letter_lines(pa.array([text]), maximum_bytes=60)
    assert line.split()[:6] == ["menu"] * 6
    assert line.split()[-4:-1] == ["water"] * 3


@given(texts=st.lists(ROUGH, max_size=6), cut=st.integers(0, 6))
def test_batch_boundaries_do_not_matter(texts: list[str], cut: int) -> None:
    text = pa.array(texts, pa.string())
    parts = [letter_lines(part, maximum_bytes=30) for part in (text.slice(0, cut), text.slice(cut))]
    assert parts[0] + parts[1] == letter_lines(text, maximum_bytes=30)


def test_letters_of_a_script_with_few_languages_are_its_mark() -> None:
    lines = letter_lines(pa.array(["ខ្មែរ, abc", "ሰላም", "한글"]), maximum_bytes=100)
    assert lines == ["ក ក ក ក ក abc\n", "ሀ ሀ ሀ\n", "가 가\n"]
    assert {"ក", "ሀ", "가", "一"} <= set(script_marks())
