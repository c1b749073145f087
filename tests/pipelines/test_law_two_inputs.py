"""Law 1 where a record stands in two inputs: which of them it counts to doesn't follow pieces."""

import json
from pathlib import Path

import pyarrow as pa

from pipelines.readers.options import InputOptions
from pipelines.recipe import TextRecipe
from pipelines.run import run_text
from tests.pipelines import flow

TEXT = (
    "Document {0} tells of weirs, dams and the mills on river {0}, where water turned {1} wheels. "
)


def write(path: Path, numbers: range) -> str:
    rows = [{"id": str(n), "text": TEXT.format(n, n * n) * 6} for n in numbers]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_pieces_do_not_decide_which_of_two_inputs_a_record_counts_to(tmp_path: Path) -> None:
    inputs = (
        InputOptions(name="few", paths=(write(tmp_path / "a.jsonl", range(20)),), id_field="id"),
        InputOptions(name="many", paths=(write(tmp_path / "b.jsonl", range(100)),), id_field="id"),
    )

    def shards(name: str, pieces: str) -> dict[str, bytes]:
        run_text(_recipe(tmp_path / name, inputs, pieces), engine="serial")
        content = flow.content(tmp_path / name)
        return {path: data for path, data in content.items() if path.startswith("shards/")}

    # In one piece the first input comes first; cut small, its file goes to the last piece.
    whole = shards("whole", "read.piece_bytes=1GB")
    assert shards("cut", "read.piece_bytes=13kB") == whole
    rows = [pa.ipc.open_file(data).read_all() for data in whole.values()]
    sources = [source for table in rows for source in table["source_id"].to_pylist()]
    assert len(sources) == 100
    assert 0 < sources.count(0) < 20


def _recipe(output: Path, inputs: tuple[InputOptions, ...], pieces: str) -> TextRecipe:
    recipe = flow.recipe(["x"], output, "language.minimum_score=0", pieces)
    return recipe.model_copy(update={"inputs": inputs})
