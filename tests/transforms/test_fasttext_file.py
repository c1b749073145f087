import struct
from pathlib import Path

import fasttext
import pytest

import transforms
from transforms.fasttext_file import load_fasttext

SHIPPED = Path(transforms.__file__).parent / "models" / "langid.ftz"
LABELS = tuple(f"__label__{number}" for number in range(300))
SHAPES: dict[str, dict[str, object] | None] = {
    "dense": None,
    "quantized": {},
    "with norms": {"qnorm": True},
    "with quantized output": {"qout": True},
    "with fewer words": {"cutoff": 260},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small models in the shapes that fastText writes, and the one that ships."""
    folder = tmp_path_factory.mktemp("models")
    text, vectors = folder / "text.txt", folder / "vectors.txt"
    text.write_text("".join(f"{label} word{label}\n" for label in LABELS))
    # Else fastText may start from what it finds in memory, and stop at a NaN.
    rows = [f"word{label} " + "0.1 " * 8 for label in LABELS] + ["</s> " + "0.1 " * 8]
    vectors.write_text("\n".join([f"{len(rows)} 8", *rows]) + "\n")
    sizes = {"dim": 8, "epoch": 1, "thread": 1, "verbose": 0, "minCount": 1, "maxn": 0}
    for name, shape in SHAPES.items():
        model = fasttext.train_supervised(str(text), **sizes, pretrainedVectors=str(vectors))
        if shape is not None:
            model.quantize(**shape)
        model.save_model(str(folder / name))
    unlabelled = fasttext.train_unsupervised(str(text), **sizes, pretrainedVectors=str(vectors))
    unlabelled.save_model(str(folder / "vectors"))
    return {name: folder / name for name in [*SHAPES, "vectors"]} | {"shipped": SHIPPED}


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_models_of_every_shape_are_read(models: dict[str, Path], shape: str) -> None:
    loaded = load_fasttext(models[shape])
    assert sorted(loaded.labels) == sorted(LABELS)
    assert len(loaded.digest) == 32


@pytest.mark.parametrize("shape", [*SHAPES, "shipped"])
@pytest.mark.parametrize("cut", [0, 10, 110, 400, -1000, -1])
def test_a_model_cut_short_is_refused(
    models: dict[str, Path], tmp_path: Path, shape: str, cut: int
) -> None:
    path = tmp_path / "cut.ftz"
    path.write_bytes(models[shape].read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"model '.*cut.ftz' .* isn't whole"):
        load_fasttext(path)


def test_absurd_sizes_are_refused_before_memory_is_asked_for(
    models: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "absurd.bin"
    content = bytearray(models["dense"].read_bytes())
    struct.pack_into("<i", content, 64, 2**31 - 1)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="isn't whole"):
        load_fasttext(path)


def test_another_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html>" * 100)
    with pytest.raises(ValueError, match=r"page.html' \(600 bytes\) isn't a fastText model"):
        load_fasttext(path)


def test_word_vectors_have_no_labels(models: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="holds word vectors; wanted a supervised model"):
        load_fasttext(models["vectors"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model '.*none.ftz' can't be read: No such file"):
        load_fasttext(tmp_path / "none.ftz")
