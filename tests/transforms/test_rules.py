import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.rules import Kind, Rule, failing_mask, first_failures

SIGNALS = pa.record_batch(
    {
        "words": pa.array([10, 60, None, 70], pa.int64()),
        "language": pa.array(["de", "en", "fr", None]),
        "language_score": pa.array([0.65, 0.6499, 0.9, None], pa.float32()),
    }
)


def rule(**changes: object) -> Rule:
    standard = {"name": "r", "stage": "s", "column": "words", "kind": Kind.AT_LEAST, "threshold": 1}
    return Rule(**(standard | changes))  # type: ignore[arg-type]


RULES = [
    rule(name="minimum_words", stage="length", threshold=50),
    rule(name="language", column="language", kind=Kind.ONE_OF, threshold=("de", "fr")),
    rule(name="score", column="language_score", threshold=0.65),
    rule(name="maximum_words", stage="length", kind=Kind.AT_MOST, threshold=59.5),
]


def test_every_rule_is_evaluated_and_null_fails_none() -> None:
    assert failing_mask(SIGNALS, RULES).tolist() == [0b0001, 0b1110, 0, 0b1000]


def test_the_first_failure_is_told_with_what_was_seen_and_wanted() -> None:
    told = first_failures(SIGNALS, RULES, failing_mask(SIGNALS, RULES))
    assert told.rule.to_pylist() == ["minimum_words", "language", None, "maximum_words"]
    assert told.stage.to_pylist() == ["length", "s", None, "length"]
    assert told.value.to_pylist() == ["10", "en", None, "70"]
    assert told.threshold.to_pylist() == ["at least 50", "one of de, fr", None, "at most 59.5"]


def test_a_score_is_told_as_it_was_rounded() -> None:
    told = first_failures(SIGNALS, RULES[2:3], failing_mask(SIGNALS, RULES[2:3]))
    assert told.value.to_pylist() == [None, "0.6499", None, None]
    assert told.threshold[1].as_py() == "at least 0.65"


def test_no_rules_fail_nothing() -> None:
    mask = failing_mask(SIGNALS, [])
    assert mask.tolist() == [0, 0, 0, 0]
    assert all(column.null_count == 4 for column in first_failures(SIGNALS, [], mask))


def test_no_rows_is_no_special_case() -> None:
    nothing = SIGNALS.slice(0, 0)
    assert failing_mask(nothing, RULES).shape == (0,)
    assert all(len(column) == 0 for column in first_failures(nothing, RULES, np.zeros(0, "u8")))


def test_the_last_of_64_rules_has_a_bit() -> None:
    rules = [rule(threshold=0)] * 63 + [rule(name="last", threshold=50)]
    mask = failing_mask(SIGNALS, rules)
    assert mask[0] == 1 << 63
    assert first_failures(SIGNALS, rules, mask).rule[0].as_py() == "last"


def test_65_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="65 rules, but a mask holds 64; turn off rules"):
        failing_mask(SIGNALS, [rule()] * 65)


def test_an_unknown_column_is_named_with_those_that_exist() -> None:
    message = "rule 'r' wants column 'sentences', but the signals have words, language"
    with pytest.raises(ValueError, match=message):
        failing_mask(SIGNALS, [rule(column="sentences")])


@pytest.mark.parametrize(
    ("kind", "threshold"), [(Kind.ONE_OF, 3), (Kind.AT_LEAST, ("de",)), (Kind.AT_MOST, ("de",))]
)
def test_a_threshold_must_suit_the_kind(kind: Kind, threshold: object) -> None:
    with pytest.raises(ValueError, match="'one_of' takes a tuple of strings"):
        rule(kind=kind, threshold=threshold)


COLUMN = st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=30)
LIMITS = st.lists(st.tuples(st.sampled_from(["at_least", "at_most"]), st.integers(-5, 5)))


@given(values=COLUMN, limits=LIMITS)
def test_mask_and_telling_agree_with_plain_comparisons(
    values: list[int | None], limits: list[tuple[str, int]]
) -> None:
    rules = [
        rule(name=f"r{place}", kind=Kind(kind), threshold=limit)
        for place, (kind, limit) in enumerate(limits)
    ]
    signals = pa.record_batch({"words": pa.array(values, pa.int64())})
    failing = [
        [
            f"r{place}"
            for place, (kind, limit) in enumerate(limits)
            if value is not None and (value < limit if kind == "at_least" else value > limit)
        ]
        for value in values
    ]
    mask = failing_mask(signals, rules)
    assert [[f"r{i}" for i in range(len(rules)) if int(m) >> i & 1] for m in mask] == failing
    told = first_failures(signals, rules, mask)
    assert told.rule.to_pylist() == [names[0] if names else None for names in failing]
    expected = [str(v) if names else None for v, names in zip(values, failing, strict=True)]
    assert told.value.to_pylist() == expected
