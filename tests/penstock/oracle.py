"""What a batch must be, worked out from the documents and provenance by plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from tests.penstock.datasets import Document, doc_id


@dataclass
class Expected:
    """The fields of a batch as nested lists."""

    input_ids: list[list[int]] = field(default_factory=list)
    labels: list[list[int]] = field(default_factory=list)
    position_ids: list[list[int]] = field(default_factory=list)
    cu_seqlens: list[int] = field(default_factory=lambda: [0])
    true_cu_seqlens: list[int] = field(default_factory=lambda: [0])
    max_seqlen: int = 0
    num_label_tokens: int = 0


def expected_batch(
    provenance: pa.Table,
    documents: Sequence[Document],
    *,
    rows: range,
    length: int,
    multiple: int = 1,
) -> Expected:
    """The rows of a global batch whose segments are those that the provenance names.

    Each segment takes up a multiple of `multiple` places.
    """
    numbers = {doc_id(number): number for number in range(len(documents))}
    expected = Expected()
    lines = provenance.to_pylist()
    for row in rows:
        inputs: list[int] = []
        labels: list[int] = []
        positions: list[int] = []
        for line in sorted((x for x in lines if x["row"] == row), key=lambda x: x["column"]):
            document = documents[numbers[line["doc_id"]]]
            first, end = line["token"], line["token"] + line["length"]
            assert line["column"] == len(inputs)
            inputs += document[first:end]
            labels += [*document[first + 1 : end + 1], -100][: line["length"]]
            more = -line["length"] % multiple
            inputs += [0] * more
            labels += [-100] * more
            positions += range(line["length"] + more)
            expected.cu_seqlens.append(row_start(rows, row, length) + len(inputs))
            expected.true_cu_seqlens.append(expected.true_cu_seqlens[-1] + line["length"])
            expected.max_seqlen = max(expected.max_seqlen, line["length"] + more)
        expected.num_label_tokens += sum(label != -100 for label in labels)
        rest = length - len(inputs)
        if rest:
            inputs += [0] * rest
            labels += [-100] * rest
            positions += range(rest)
            expected.cu_seqlens.append(row_start(rows, row, length) + length)
            expected.true_cu_seqlens.append(expected.true_cu_seqlens[-1] + rest)
            expected.max_seqlen = max(expected.max_seqlen, rest)
        expected.input_ids.append(inputs)
        expected.labels.append(labels)
        expected.position_ids.append(positions)
    return expected


def row_start(rows: range, row: int, length: int) -> int:
    """Where a row begins in the flattened rows of a rank."""
    return (row - rows.start) * length
