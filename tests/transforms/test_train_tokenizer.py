import functools
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.train_tokenizer import train_sentencepiece

ROOT = Path(__file__).parents[2]
TEXTS = pa.array(
    ["Water runs through the penstock to the turbine.\n\nIt turns, and there is light.",
     "Das Wasser läuft durch die Druckleitung zur Turbine; 水は水車へ流れる。" * 3, None]
)  # fmt: skip


def decoded(model: bytes, text: str) -> str:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_proto=model)
    return str(processor.decode(processor.encode(text)))


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_training_twice_and_in_another_process_gives_the_same_bytes(model_type: str) -> None:
    program = (
        "import sys, pyarrow as pa; from transforms.train_tokenizer import train_sentencepiece; "
        f"texts = pa.array({TEXTS.to_pylist()!r}); "
        f"model = train_sentencepiece(texts, vocabulary_size=300, model_type={model_type!r}); "
        "sys.stdout.buffer.write(model)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment
    )
    model = train_sentencepiece(TEXTS, vocabulary_size=300, model_type=model_type)  # type: ignore[arg-type]
    assert other.stdout == model == train_sentencepiece(
        TEXTS, vocabulary_size=300, model_type=model_type  # type: ignore[arg-type]
    )  # fmt: skip


@functools.cache
def small_model() -> bytes:
    return train_sentencepiece(TEXTS, vocabulary_size=300)


@given(st.text(st.characters(codec="utf-8") | st.sampled_from(" \n\tab水"), max_size=40))
def test_decoding_gives_the_text_back(text: str) -> None:
    assert decoded(small_model(), text.replace("▁", "")) == text.replace("▁", "")


def test_the_space_symbol_alone_is_decoded_as_a_space() -> None:
    assert decoded(small_model(), "a▁b") == "a b"


def test_the_shipped_model_loses_nothing_either() -> None:
    model = (ROOT / "transforms" / "models" / "quickstart.model").read_bytes()
    assert len(model) < 400_000
    for text in ["  two  spaces\n\n\tand a tab ", "Ελληνικά 中文 العربية 👍🏽", "1234 ﬁ é e\u0301"]:
        assert decoded(model, text) == text


def test_long_lines_are_cut_and_used() -> None:
    from sentencepiece import SentencePieceProcessor

    texts = pa.array(["waterwheel " * 2000])
    processor = SentencePieceProcessor(
        model_proto=train_sentencepiece(texts, vocabulary_size=290, model_type="bpe")
    )
    assert "▁waterwheel" in [processor.id_to_piece(i) for i in range(290)]


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        (["a b c"], 8000, "vocabulary_size: got 8000, this text allows at most 263; lower it"),
        (["abcdefghijklmnopqrstuvw"], 261, "got 261, the characters of this text need at least"),
        (["", "\n", None], 8000, "got no text to learn a tokenizer from"),
    ],
)
def test_sizes_that_do_not_fit_the_text_are_refused(
    texts: list[str | None], size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train_sentencepiece(pa.array(texts), vocabulary_size=size)
