import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.words import count_words, word_hashes

UNSPACED = (
    "CJK UNIFIED IDEOGRAPH",
    "CJK COMPATIBILITY IDEOGRAPH",
    "IDEOGRAPHIC ITERATION",
    "IDEOGRAPHIC CLOSING",
    "IDEOGRAPHIC NUMBER",
    "HIRAGANA",
    "HENTAIGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "BOPOMOFO",
    "YI ",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "JAVANESE",
    "TAI ",
    "NEW TAI LUE",
)
IGNORED = "'_\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}\N{SOFT HYPHEN}"
IGNORED += (
    "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}"
)
# Letters of all kinds, what parts them, and what does neither.
MIXED = st.text(
    st.sampled_from(
        "aBéÉς Σ1٣-.,'’_\u00ad\u200d\u0301\ufe0f한글あカー日本ไทยี๑កម្ពុမြန်👍👩🏽İ\U00020000\n\0"
    )
    | st.characters(codec="utf-8"),
    max_size=24,
)


def words_in_python(text: str) -> list[str]:
    """The definition again, by character names and categories."""
    words: list[str] = []
    is_open = is_alone = False
    for character in text:
        name, category = unicodedata.name(character, ""), unicodedata.category(character)
        # These planes hold nothing else, also where this Python doesn't know the character.
        is_han = 0x20000 <= ord(character) < 0x40000
        category = "Lo" if is_han else category
        if character in IGNORED:
            continue
        if category[0] == "M":
            if is_open:
                words[-1] += character
        elif category[0] in "LN":
            alone = category != "Nd" and (name.startswith(UNSPACED) or is_han)
            if not is_open or alone or is_alone:
                words.append("")
            words[-1] += character.lower()[0].replace("ς", "σ")
            is_open, is_alone = True, alone
        else:
            is_open = is_alone = False
    return words


def hashes_of(text: str | bytes) -> list[int]:
    array = pa.array([text], pa.string() if isinstance(text, str) else pa.binary())
    return list(word_hashes(array).hashes.tolist())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \t\n...", 0),
        ("one", 1),
        ("One two\nthree.", 3),
        ("can't can’t snake_case co\u00adoperate", 4),
        ("'quoted' ''", 1),
        ("3.14 2024-05-06", 5),
        ("naïve nai\u0308ve", 2),
        ("日本語のテキスト", 8),
        ("你好, world 2024年", 5),
        ("ภาษาไทย", 7),
        ("한국어 문장", 2),
        ("हिन्दी भाषा", 2),
        ("العربية ٢٠٢٤", 2),
        ("👍👍🏽 👩\u200d👩 ♥\ufe0f", 0),
        ("\U00020000\U00020001", 2),
    ],
)
def test_counts_in_many_scripts(text: str, count: int) -> None:
    assert count_words(pa.array([text])).tolist() == [count]


def test_every_letter_and_number_stands_alone_or_not_as_its_name_says() -> None:
    characters = [
        chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] in "LN"
    ]
    counts = count_words(pa.array([f"0{character}" for character in characters])).tolist()
    expected = [len(words_in_python(f"0{character}")) for character in characters]
    wrong = [
        c for c, found, wanted in zip(characters, counts, expected, strict=True) if found != wanted
    ]
    assert wrong == []


@given(st.lists(MIXED, max_size=4))
@example(["\u0301a", "ไ\u0e35ท", "1\u0e51"])
def test_counts_and_hashes_agree_with_a_plain_reading(texts: list[str]) -> None:
    expected = [words_in_python(text) for text in texts]
    array = pa.array(texts, pa.string())
    assert count_words(array).tolist() == [len(words) for words in expected]
    offsets, hashes = word_hashes(array)
    assert np.diff(offsets).tolist() == [len(words) for words in expected]
    flat = [word for words in expected for word in words]
    # One hash for each word and, but for collisions in 64 bits, one word for each hash.
    assert len(set(zip(flat, hashes.tolist(), strict=True))) == len(set(flat))
    assert len(set(hashes.tolist())) == len(set(flat))
    assert (hashes != 0).all()


def test_case_and_apostrophes_do_not_alter_a_word() -> None:
    assert hashes_of("CAN’T") == hashes_of("can't") == hashes_of("cant")
    assert hashes_of("ΟΔΟΣ") == hashes_of("οδος")
    assert hashes_of("straße") != hashes_of("strasse")


@given(st.binary(max_size=40))
@example(b"a\xc3")
@example(b"a\xf0\x9f\x98")
@example(b"\xe0\x80\x80a\xed\xa0\x80b\xf4\x90\x80\x80c\xc0\xafd")
def test_bytes_that_are_not_utf8_part_words(data: bytes) -> None:
    assert hashes_of(data) == hashes_of(data.decode("utf-8", "replace"))


def test_a_row_never_reads_into_its_neighbour() -> None:
    split = pa.array(["€".encode()[:2], "€".encode()[2:] + b"a"], pa.binary())
    assert count_words(split).tolist() == [0, 1]
    assert count_words(pa.array(["ab", "cd"])).tolist() == [1, 1]


@given(st.lists(st.none() | MIXED, max_size=6), st.integers(0, 6), st.booleans())
def test_batch_boundaries_do_not_matter(texts: list[str | None], cut: int, large: bool) -> None:
    array = pa.array(texts, pa.large_string() if large else pa.string())
    parts = [word_hashes(array.slice(0, cut)), word_hashes(array.slice(cut))]
    whole = word_hashes(array)
    assert np.concatenate([p.hashes for p in parts]).tolist() == whole.hashes.tolist()
    counts = np.concatenate([np.diff(p.offsets) for p in parts])
    assert counts.tolist() == np.diff(whole.offsets).tolist() == count_words(array).tolist()


def test_the_hash_is_the_same_on_every_machine() -> None:
    assert hashes_of("Hello 日") == [1675606626913810926, 6482547390684491585]
