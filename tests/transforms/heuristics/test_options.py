"""Rules that the section `heuristics` makes of dialects, thresholds and lists."""

import pytest

from transforms.heuristics.dialects import Dialect
from transforms.heuristics.options import HeuristicOptions, heuristic_counts, heuristic_rules
from transforms.heuristics.word_lists import WordListFile

LISTS = {"en": WordListFile(file="words.txt")}
READERS = (Dialect.C4_TFDS, Dialect.C4_DATATROVE, Dialect.MC4_PAPER, Dialect.RPV2_CODE)


def names(options: HeuristicOptions) -> list[str]:
    return [rule.name for rule in heuristic_rules(options)]


def test_a_threshold_is_told_as_a_person_writes_it() -> None:
    changed = {Dialect.RPV2_CODE: {"minimum_words": 20.0, "entropy": 3, "symbols": 0.5}}
    options = HeuristicOptions(dialects=(Dialect.RPV2_CODE,), thresholds=changed)
    told = {rule.name: str(rule.threshold) for rule in heuristic_rules(options)}
    assert (told["minimum_words"], told["entropy"], told["symbols"]) == ("20", "3", "0.5")


@pytest.mark.parametrize("threshold", [float("nan"), float("inf")])
def test_a_threshold_is_a_number(threshold: float) -> None:
    with pytest.raises(ValueError, match="should be a finite number"):
        HeuristicOptions(
            dialects=(Dialect.RPV2_CODE,), thresholds={Dialect.RPV2_CODE: {"entropy": threshold}}
        )


@pytest.mark.parametrize("dialect", READERS)
def test_a_list_makes_a_rule_and_a_column(dialect: Dialect) -> None:
    without = HeuristicOptions(dialects=(dialect,))
    with_list = HeuristicOptions(dialects=(dialect,), bad_words=LISTS)
    before, after = ({count.name for count in heuristic_counts(o)} for o in (without, with_list))
    column = "folded_bad_words" if dialect is Dialect.RPV2_CODE else "bad_words"
    assert after - before == {column}
    is_rule = dialect is not Dialect.RPV2_CODE
    assert set(names(with_list)) - set(names(without)) == ({"bad_words"} if is_rule else set())
    more = HeuristicOptions(
        dialects=(dialect,), bad_words=LISTS, thresholds={dialect: {"bad_words": 3}}
    )
    assert heuristic_rules(more)[-1].threshold == 3


def test_all_signals_of_redpajama_are_stored_and_its_five_checks_are_rules() -> None:
    options = HeuristicOptions(dialects=(Dialect.RPV2_CODE,))
    assert len(names(options)) == 7
    assert {"words", "mean_length", "symbols", "bullet_lines", "top_2gram"} == {
        name.removeprefix("minimum_").removeprefix("maximum_") for name in names(options)
    }
    assert len(heuristic_counts(options)) == 32


@pytest.mark.parametrize("dialect", sorted(set(Dialect) - set(READERS)))
def test_a_list_that_nothing_looks_for_is_a_mistake(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="those that do are c4@tfds, c4@datatrove, mc4@paper"):
        HeuristicOptions(dialects=(dialect,), bad_words=LISTS)
