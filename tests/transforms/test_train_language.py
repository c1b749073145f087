import json
import random
from pathlib import Path

import pyarrow as pa
import pytest

from transforms.language import LanguageModel
from transforms.train_language import (
    LabelledTexts,
    TrainLanguageOptions,
    language_card,
    parse_labelled,
    split_held_out,
    train_and_measure,
    train_language,
)

SMALL = TrainLanguageOptions(dimensions=8, epochs=20, kept_ngrams=2_000, held_out=0.2)
WORDS = {
    "aa": ["wasser", "fluss", "mühle", "rad", "stein", "korn", "brot", "stadt", "damm"],
    "bb": ["water", "river", "mill", "wheel", "stone", "corn", "bread", "town", "weir"],
    "cc": ["вода", "река", "мельница", "колесо", "камень", "зерно", "хлеб", "город"],
}


def rows(seed: int) -> list[bytes]:
    """Sentences of three small languages, the same set in another order for each seed."""
    chance = random.Random(7)
    made = [
        {"lang": language, "text": " ".join(chance.choices(words, k=8)) + f" {number}."}
        for language, words in WORDS.items()
        for number in range(100)
    ]
    random.Random(seed).shuffle(made)
    return [json.dumps(row).encode() for row in made]


def test_the_model_is_the_same_for_any_order_of_rows() -> None:
    first, second = (train_language(parse_labelled(rows(seed)), options=SMALL) for seed in (1, 2))
    assert first == second


def test_a_trained_model_tells_its_languages(tmp_path: Path) -> None:
    trained = train_and_measure(parse_labelled(rows(1)), options=SMALL)
    report = trained.report
    assert report.training_rows + report.held_out_rows == 300
    assert 30 <= report.held_out_rows <= 90
    assert report.accuracy > 0.95
    assert list(report.accuracy_by_language) == ["aa", "bb", "cc"]
    path = tmp_path / "small.ftz"
    path.write_bytes(trained.model)
    model = LanguageModel.load(str(path))
    assert model.digest == report.digest
    assert model.detect(pa.array(["Река, МЕЛЬНИЦА"])).column("language").to_pylist() == ["cc"]


def test_words_that_occur_once_are_learned_as_well(tmp_path: Path) -> None:
    """Each stands between others of its language; alone it shares no letters with them."""
    once = {"aa": "qoq", "bb": "yuy"}
    lines = [
        json.dumps({"lang": language, "text": f"{WORDS[language][0]} {word} {WORDS[language][1]}"})
        for language, word in once.items()
    ]
    path = tmp_path / "small.ftz"
    options = SMALL.model_copy(update={"held_out": 0.0})
    path.write_bytes(
        train_language(
            parse_labelled([*rows(1), *(line.encode() for line in lines)]), options=options
        )
    )
    found = LanguageModel.load(str(path)).detect(pa.array([*once.values()]))
    assert found.column("language").to_pylist() == [*once]
    assert min(found.column("language_score").to_pylist()) > 0.9


def test_copies_of_a_text_are_held_out_together() -> None:
    data = parse_labelled(rows(1))
    texts = data.text.to_pylist()
    copies = pa.array([*texts, *(f"{text}  " for text in texts)], pa.large_string())
    twice = LabelledTexts(language=pa.concat_arrays([data.language, data.language]), text=copies)
    training, held_out = split_held_out(twice, options=SMALL)
    assert len(held_out.text) > 60
    stripped = [{text.strip() for text in part.text.to_pylist()} for part in (training, held_out)]
    assert stripped[0].isdisjoint(stripped[1])


def test_what_is_held_out_depends_on_the_text_alone() -> None:
    data = parse_labelled(rows(1))
    half = LabelledTexts(language=data.language[:150], text=data.text[:150])
    _, held_out = split_held_out(data, options=SMALL)
    _, of_half = split_held_out(half, options=SMALL)
    assert held_out.text.to_pylist()[: len(of_half.text)] == of_half.text.to_pylist()


def test_the_card_tells_data_command_and_each_language() -> None:
    report = train_and_measure(parse_labelled(rows(1)), options=SMALL).report
    card = language_card(report, data="rows.jsonl", command="penstock train language")
    for part in ("rows.jsonl", "`penstock train language`", report.digest, "| bb |"):
        assert part in card


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1]",
        b'{"text": "no language"}',
        b'{"lang": "en"}',
        b'{"lang": "en", "text": 7}',
        b'{"lang": "two words", "text": "x"}',
        b'{"lang": "a__b", "text": "x"}',
        b'{"lang": "en", "text": "\xff"}',
    ],
)
def test_a_bad_line_is_named(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"training data, line 3: got .* wanted a JSON object"):
        parse_labelled([b'{"lang": "en", "text": "fine"}', b"\n", line])


def test_no_rows_and_one_language_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        parse_labelled([b"", b"\n"])
    one = parse_labelled([b'{"lang": "en", "text": "fine"}', b'{"lang": "de", "text": "42"}'])
    with pytest.raises(ValueError, match="in two languages at least"):
        train_language(one, options=SMALL)


def test_training_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    train_language(parse_labelled(rows(1)), options=SMALL)
    assert capfd.readouterr() == ("", "")
