import re
import tarfile
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.language import LanguageModel, LanguageOptions, language_rules
from transforms.rules import failing_mask, first_failures

MODEL = LanguageModel.load(None)
SENTENCES = {
    "en": "The river was dammed, and its water now drives the turbines of the town.",
    "de": "Der Fluss wurde gestaut, und sein Wasser treibt nun die Turbinen der Stadt an.",
    "fr": "La rivière a été barrée et son eau fait maintenant tourner les turbines.",
    "es": "El río fue represado y su agua mueve ahora las turbinas de la ciudad.",
    "ru": "Реку перегородили плотиной, и её вода теперь вращает турбины города.",
    "ja": "川はせき止められ、その水は今では町のタービンを回している。",
    "zh": "河流被大坝拦住，如今它的水推动着城里的涡轮机。",
    "ar": "تم بناء سد على النهر، وأصبحت مياهه الآن تدير توربينات المدينة.",
    "el": "Ο ποταμός φράχτηκε και το νερό του κινεί τώρα τις τουρμπίνες της πόλης.",
    "ko": "강에 댐이 세워졌고 그 물이 이제 마을의 터빈을 돌린다.",
}


def test_languages_are_told() -> None:
    found = MODEL.detect(pa.array(SENTENCES.values()))
    fields = [("language", pa.string()), ("language_score", pa.float32())]
    lists = [
        ("languages", pa.list_(pa.string())),
        ("language_scores", pa.list_(pa.float32())),
    ]
    assert found.schema == pa.schema([*fields, *lists])
    assert found.column("language").to_pylist() == list(SENTENCES)
    assert min(found.column("language_score").to_pylist()) > 0.5


def test_the_shipped_model_is_small_and_knows_75_languages() -> None:
    assert len(MODEL.languages) == 75
    assert (Path("transforms") / "models" / "langid.ftz").stat().st_size <= 2_100_000


def test_the_card_names_the_shipped_file() -> None:
    card = (Path("transforms") / "models" / "langid.md").read_text()
    assert MODEL.digest in card
    assert set(re.findall(r"^\| (\w+) +\|", card, re.MULTILINE)) >= set(MODEL.languages)


@pytest.mark.parametrize("text", ["", "42 + 17 = 59", "!?!", "\n", "👍👍", None, "\uffff"])
def test_a_text_without_letters_is_undetermined(text: str | None) -> None:
    found = MODEL.detect(pa.array([text], pa.string()))
    assert found.to_pydict() == {
        "language": ["und"], "language_score": [0.0], "languages": [[]], "language_scores": [[]]
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "នេះគឺជាអត្ថបទជាភាសាខ្មែរ",
        "ഇതൊരു മലയാളം വാചകമാണ്",
        "ይህ በአማርኛ የተጻፈ ጽሑፍ ነው",
        "මෙය සිංහල වාක්‍යයකි",
        "ᚠᚢᚦᚨᚱᚲ",
    ],
)
def test_a_script_that_the_model_does_not_know_is_undetermined(text: str) -> None:
    found = MODEL.detect(pa.array([text, text * 20]))
    assert found.column("language").to_pylist() == ["und", "und"]
    assert found.column("language_score").to_pylist() == [0.0, 0.0]
    assert found.column("languages").to_pylist() == [[], []]


def test_three_languages_are_told_best_first_of_unsure_texts_too() -> None:
    texts = pa.array([*SENTENCES.values(), "Hotel"])
    found = MODEL.detect(texts, und_below=0.999)
    languages, scores = found.column("languages"), found.column("language_scores")
    assert [row[0] for row in languages.to_pylist()][:-1] == list(SENTENCES)
    assert all(
        1 <= len(row) <= 3 and row == sorted(row, reverse=True) for row in scores.to_pylist()
    )
    assert [row[0] for row in scores.to_pylist()] == found.column("language_score").to_pylist()
    assert found.column("language")[-1].as_py() == "und"
    assert len(languages[-1]) == 3


def test_a_text_of_two_languages_shows_both() -> None:
    found = MODEL.detect(pa.array([f"{SENTENCES['de']} {SENTENCES['fr']}" * 3]))
    assert set(found.column("languages").to_pylist()[0][:2]) == {"de", "fr"}


def test_a_longer_text_is_surer_and_ranks_languages_alike() -> None:
    once = [" ".join(sentence.split()[:2]) for sentence in SENTENCES.values() if " " in sentence]
    short, long = (
        MODEL.detect(pa.array([f"{text} " * times for text in once]), und_below=0)
        for times in (1, 10)
    )
    assert short.column("language").equals(long.column("language"))
    before, after = (part.column("language_score").to_numpy() for part in (short, long))
    assert (after >= before).all()
    assert (after > before)[before < 0.9].all()
    assert (before < 0.9).sum() >= 3


def test_han_signs_alone_are_chinese() -> None:
    found = MODEL.detect(pa.array(["水", "水车", "水，车；河", "カ水", "水を"]))
    assert found.column("language").to_pylist() == ["zh", "zh", "zh", "ja", "ja"]


def test_a_low_score_is_undetermined_and_keeps_its_number() -> None:
    text = pa.array(["Hotel", SENTENCES["fr"]])
    sure, unsure = MODEL.detect(text, und_below=0.0), MODEL.detect(text, und_below=0.95)
    assert "und" not in sure.column("language").to_pylist()
    assert unsure.column("language").to_pylist() == ["und", "fr"]
    assert unsure.column("language_score").equals(sure.column("language_score"))


def test_scores_have_four_decimals_and_are_probabilities() -> None:
    scores = MODEL.detect(pa.array(SENTENCES.values())).column("language_score").to_numpy()
    assert np.array_equal(scores, np.round(scores.astype(np.float64), 4).astype(np.float32))
    assert scores.max() <= 1.0


def test_a_menu_in_english_does_not_hide_an_article() -> None:
    menu = "Home\nAbout us\nContact\nLog in\nSearch\nNewsletter\n" * 3
    found = MODEL.detect(pa.array([menu + (SENTENCES["de"] + "\n") * 30]))
    assert found.column("language").to_pylist() == ["de"]


def test_a_long_document_costs_what_a_short_one_does() -> None:
    long = pa.array(["".join(f"{sentence} " * 30_000 for sentence in [SENTENCES["fr"]])])
    assert MODEL.detect(long).column("language").to_pylist() == ["fr"]


TEXTS = st.lists(
    st.none() | st.text(max_size=80) | st.sampled_from(list(SENTENCES.values())), max_size=8
)


@given(texts=TEXTS, cut=st.integers(0, 8))
def test_batch_boundaries_do_not_matter(texts: list[str | None], cut: int) -> None:
    text = pa.array(texts, pa.string())
    parts = [MODEL.detect(text.slice(0, cut)), MODEL.detect(text.slice(cut))]
    whole = pa.Table.from_batches([MODEL.detect(text)])
    assert pa.Table.from_batches(parts).combine_chunks().equals(whole)


def test_a_model_is_loaded_once() -> None:
    assert LanguageModel.load(None) is MODEL


def test_another_model_gets_the_text_as_it_is(tmp_path: Path) -> None:
    # Capitals and digits tell these labels apart, which the shipped model never sees.
    data, vectors, path = tmp_path / "train", tmp_path / "vectors", tmp_path / "other.bin"
    data.write_text("__label__loud WATER 1\n__label__quiet water 2\n" * 50)
    vectors.write_text(
        "5 4\n" + "".join(f"{w} .1 .1 .1 .1\n" for w in ["WATER", "water", "1", "2", "</s>"])
    )
    fasttext.train_supervised(
        str(data), dim=4, epoch=50, lr=1.0, thread=1, verbose=0, pretrainedVectors=str(vectors)
    ).save_model(str(path))
    model = LanguageModel.load(str(path))
    assert sorted(model.languages) == ["loud", "quiet"]
    found = model.detect(pa.array(["WATER\n1", "water\r\n\r\n2", "", None]))
    assert found.column("language").to_pylist() == ["loud", "quiet", "und", "und"]


def test_a_missing_model_is_named() -> None:
    with pytest.raises(ValueError, match=r"model 'nowhere.ftz' can't be read"):
        LanguageModel.load("nowhere.ftz")


def test_the_section_becomes_rules() -> None:
    options = LanguageOptions(keep=("de", "fr"), minimum_score=0.6)
    signals = pa.record_batch(
        {
            "language": ["de", "en", "und", "fr"],
            "language_score": pa.array([0.6, 0.99, 0.2, 0.59], pa.float32()),
        }
    )
    rules = language_rules(options)
    mask = failing_mask(signals, rules)
    assert mask.tolist() == [0, 0b01, 0b11, 0b10]
    told = first_failures(signals, rules, mask)
    assert told.threshold.to_pylist()[1:] == ["one of de, fr", "one of de, fr", "at least 0.6"]
    assert language_rules(LanguageOptions(minimum_score=0)) == []


def test_languages_may_have_thresholds_of_their_own() -> None:
    options = LanguageOptions(minimum_score=0.6, minimum_scores={"de": 0.9, "nn": 0.2})
    signals = pa.record_batch(
        {
            "language": ["de", "en", "nn", "nn", "und", "fr", "de"],
            "language_score": pa.array([0.8, 0.8, 0.3, 0.1, 0.2, 0.59, 0.9], pa.float32()),
        }
    )
    rules = language_rules(options)
    mask = failing_mask(signals, rules)
    told = first_failures(signals, rules, mask)
    general, german, nynorsk = "language_score", "language_score_de", "language_score_nn"
    assert told.rule.to_pylist() == [german, None, None, nynorsk, general, general, None]
    assert told.threshold.to_pylist()[0] == "at least 0.9"
    without = language_rules(LanguageOptions(minimum_score=0, minimum_scores={"de": 0.9}))
    assert failing_mask(signals, without).tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_a_hash_without_a_model_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="model_hash is given without a model"):
        LanguageOptions(model_hash="sha256:" + "0" * 64)
    with pytest.raises(ValueError, match="model_hash"):
        LanguageOptions(model="x.ftz", model_hash="0" * 64)


def test_no_language_to_keep_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="keep"):
        LanguageOptions(keep=())


def chapters(archive: Path) -> dict[tuple[str, str], str]:
    """The prose of the chapters of complete translations of one book, from another source."""
    complete = ("cs", "de", "en", "fr", "it", "ja", "ko", "nl", "pt-br", "ru", "zh")
    texts = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            language, _, chapter = member.name.removeprefix("progit_many_languages/").partition("/")
            if language in complete and chapter.endswith(".markdown"):
                file = tar.extractfile(member)
                assert file is not None
                prose = re.sub(
                    r"<!--.*?-->|^(\t| {4}).*$|`[^`]*`", "", file.read().decode(), flags=re.M | re.S
                )
                texts[language, chapter] = prose
    return texts


def test_chapters_of_a_book_it_was_not_trained_on_are_told(shared_data: Path) -> None:
    texts = chapters(shared_data / "text" / "progit_many_languages.tar.gz")
    assert len(texts) > 80
    found = MODEL.detect(pa.array(texts.values())).column("language").to_pylist()
    right = [code == language[:2] for (language, _), code in zip(texts, found, strict=True)]
    assert sum(right) >= 0.97 * len(right)
