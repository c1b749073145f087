import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.lengths import LengthOptions, length_rules, length_signals
from transforms.rules import Kind, failing_mask

TEXTS = st.lists(st.text(max_size=40), max_size=10)


@given(texts=TEXTS)
def test_lengths_are_those_of_python(texts: list[str]) -> None:
    signals = length_signals(pa.array(texts, pa.string()))
    assert signals.column("text_bytes").to_pylist() == [len(text.encode()) for text in texts]
    assert signals.column("characters").to_pylist() == [len(text) for text in texts]
    assert all(column.type == pa.int64() for column in signals.columns)


@given(texts=TEXTS, cut=st.integers(0, 10))
def test_batch_boundaries_do_not_matter(texts: list[str], cut: int) -> None:
    text = pa.array(texts, pa.string())
    parts = [length_signals(text.slice(0, cut)), length_signals(text.slice(cut))]
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([length_signals(text)]))


def test_words_of_a_language_without_spaces_are_counted() -> None:
    assert length_signals(pa.array(["水从山上流下来"])).column("words").to_pylist() == [7]


def test_bounds_become_rules_and_an_open_bound_none() -> None:
    rules = length_rules(LengthOptions(minimum_words=0, maximum_words=None, maximum_characters=9))
    assert [(rule.name, rule.kind, rule.threshold) for rule in rules] == [
        ("minimum_characters", Kind.AT_LEAST, 200),
        ("maximum_characters", Kind.AT_MOST, 9),
    ]


def test_a_menu_is_too_short_and_an_article_is_not() -> None:
    signals = length_signals(pa.array(["Home About Contact", "Water runs downhill. " * 20]))
    assert failing_mask(signals, length_rules(LengthOptions())).tolist() == [0b11, 0]
