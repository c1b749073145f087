import pyarrow as pa
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import DOC_ID
from transforms.exact import text_digests

TEXTS = st.lists(st.none() | st.text(max_size=8), max_size=8)


@given(TEXTS, st.integers(0, 8), st.booleans())
def test_digests_are_of_the_bytes_and_see_no_batch_boundaries(
    texts: list[str | None], cut: int, large: bool
) -> None:
    array = pa.array(texts, pa.large_string() if large else pa.string())
    digests = text_digests(array)
    assert digests.type == DOC_ID
    assert digests.to_pylist() == [
        None if text is None else xxhash.xxh3_128_intdigest(text.encode()).to_bytes(16, "big")
        for text in texts
    ]
    parts = [text_digests(array.slice(0, cut)), text_digests(array.slice(cut))]
    assert pa.concat_arrays(parts).equals(digests)


def test_case_and_punctuation_are_content() -> None:
    digests = text_digests(pa.array(["Same text.", "Same text", "same text.", "Same text."]))
    assert digests[0] == digests[3]
    assert len(set(digests.to_pylist())) == 3
