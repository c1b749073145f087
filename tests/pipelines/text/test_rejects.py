"""The sample of rejects is the smallest keyed hashes of each rule, however the rows came."""

import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text.rejects import TEXT_CHARACTERS, RejectSample
from schemas.ledger import LEDGER
from schemas.rejects import REJECTS
from transforms.identity import keyed_hash

RULES = (None, "minimum_words", "language", "near_duplicate")
Row = tuple[int, str | None]

rows = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(RULES)), max_size=40)


def ledger(rows: list[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {
                "doc_id": number.to_bytes(16, "big"),
                "source": "file",
                "offset": number,
                "verdict": "dropped" if rule else "failed",
                "stage": "some",
                "rule": rule,
            }
            for number, rule in rows
        ],
        LEDGER,
    )


def text(rows: list[Row]) -> pa.Array:
    return pa.array([f"text {number}" for number, _ in rows], pa.string())


def expected(rows: list[Row], *, per_rule: int, seed: int) -> list[tuple[str, int, str]]:
    """Rule, key and text of the sample, by sorting each rule's documents."""
    numbers = sorted({number for number, _ in rows})
    ids = pa.array([number.to_bytes(16, "big") for number in numbers], pa.binary(16))
    keys = dict(zip(numbers, keyed_hash(ids, seed=seed).tolist(), strict=True))
    found = sorted({(rule, keys[number], f"text {number}") for number, rule in rows if rule})
    groups = itertools.groupby(found, key=lambda row: row[0])
    return [row for _, group in groups for row in itertools.islice(group, per_rule)]


@given(rows, st.integers(0, 5), st.integers(0, 2**40), st.integers(1, 7), st.integers(1, 4))
def test_the_sample_is_that_of_sorting_everything(
    rows: list[Row], per_rule: int, seed: int, batch: int, pieces: int
) -> None:
    samples = [RejectSample(per_rule=per_rule, seed=seed) for _ in range(pieces)]
    for number, start in enumerate(range(0, len(rows), batch)):
        part = rows[start : start + batch]
        samples[number % pieces].add(ledger(part), text(part))
    merged = RejectSample(per_rule=per_rule, seed=seed)
    for sample in samples:
        merged.merge(sample.rows())
    found = [(r["rule"], r["key"], r["text"]) for r in merged.rows().to_pylist()]
    assert found == expected(rows, per_rule=per_rule, seed=seed)


def test_a_long_text_is_cut_at_a_character() -> None:
    sample = RejectSample(per_rule=1, seed=0)
    sample.add(ledger([(1, "language")]), pa.array(["é" * (TEXT_CHARACTERS + 5)]))
    assert sample.rows()["text"].to_pylist() == ["é" * TEXT_CHARACTERS]


def test_an_empty_sample_has_the_schema() -> None:
    sample = RejectSample(per_rule=3, seed=0)
    assert sample.rows().schema.equals(REJECTS)
    sample.add(ledger([(1, None)]), pa.array(["failed"]))
    assert sample.rows().num_rows == 0
