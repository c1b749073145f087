import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.texts import Count, text_counts


def counts(*texts: str) -> list[dict[str, int]]:
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int32)
    starts = np.append(np.int32(0), ends[:-1])[: len(ends)]
    found = text_counts(np.frombuffer(b"".join(encoded), np.uint8), starts, ends)
    return [{count.name.lower(): int(row[count]) for count in Count} for row in found]


def test_a_text_is_counted_as_a_person_would() -> None:
    (found,) = counts('Über 300 Mühlen, die "es gab"! Dr. who? (So.) a|b')
    assert found["words"] == 10
    assert found["characters"] == 49
    assert found["commas"] == 1
    assert found["digits"] == 3
    assert found["sentences"] == 4
    assert found["function_words"] == 4
    assert found["separators"] == 1


ENDINGS = {"One.": 1, "One.”": 1, "One…": 1, "One?)": 1, "One:": 2, "One": 3, "One |": 0, "终。": 1}
ENDINGS |= {"终！": 1, "समाप्त।": 1, "শেষ ॥": 1, "انتهى؟": 1, "ختم۔": 1, "ተፈጸመ።": 1, "ចប់។": 1}


@pytest.mark.parametrize("text", ENDINGS)
def test_the_end_of_a_text_tells_whether_it_is_a_sentence(text: str) -> None:
    assert counts(text)[0]["last"] == ENDINGS[text]


def test_scripts_without_blanks_are_counted_by_character() -> None:
    (found,) = counts("水车转动，石磨。水")
    assert (found["wide"], found["sentences"], found["characters"]) == (8, 1, 9)
    assert counts("快，看！水、石")[0]["commas"] == 2
    assert counts("快看！水石")[0]["sentences"] == 1
    assert counts("نعم، لا")[0]["commas"] == 1
    unspaced = "ก่อน", "ເຊົ້າ", "བོད", "မြို့", "ទឹក"
    runs = [word * 5 for word in unspaced]
    assert [found["wide"] for found in counts(*runs)] == [len(run) for run in runs]
    assert not any(found["wide"] for found in counts(*unspaced))
    assert not any(found["wide"] for found in counts("पानी" * 5, "ႠႡ" * 9, "ውሃ" * 9, "Ḁẞ" * 9))


@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])), max_size=4))
def test_each_text_is_counted_alone(texts: list[str]) -> None:
    texts = [text for text in texts if text]
    assert counts(*texts) == [counts(text)[0] for text in texts]
    for text, found in zip(texts, counts(*texts), strict=True):
        assert found["commas"] >= text.count(",")
        assert found["digits"] == sum(character in "0123456789" for character in text)
