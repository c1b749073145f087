import itertools
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import DataError
from penstock.shards import ShardInfo, ShardReader, ShardWriter

Rows = tuple[list[bytes], list[list[int]], list[int]]


@st.composite
def documents(draw: st.DrawFn) -> Rows:
    lists = draw(st.lists(st.lists(st.integers(0, 65535), max_size=12), max_size=40))
    ids = [draw(st.binary(min_size=16, max_size=16)) for _ in lists]
    sources = [draw(st.integers(0, 3)) for _ in lists]
    return ids, lists, sources


def write(url: str, rows: Rows, cuts: list[int], *, dirty: bool = False) -> ShardInfo:
    """Write rows in the calls that `cuts` makes of them; dirty ones are slices of larger arrays."""
    ids, lists, sources = rows
    edges = sorted({0, len(ids), *(cut % (len(ids) + 1) for cut in cuts)})
    with ShardWriter(url, token_type="uint16", rows_per_batch=7, tokens_per_batch=50) as writer:
        for start, stop in itertools.pairwise(edges):
            pad = 3 if dirty else 0
            arrays = (
                pa.array([b"?" * 16] * pad + ids[start:stop] + [b"!" * 16] * pad, pa.binary(16)),
                pa.array([[9, 9]] * pad + lists[start:stop] + [[8]] * pad, pa.list_(pa.uint16())),
                pa.array([77] * pad + sources[start:stop] + [88] * pad, pa.int32()),
            )
            writer.write(*(array.slice(pad, stop - start) for array in arrays))
    return writer.close()


@settings(max_examples=60, deadline=None)
@given(rows=documents(), cuts=st.lists(st.integers(0, 1000), max_size=12), dirty=st.booleans())
def test_bytes_follow_from_rows_alone(rows: Rows, cuts: list[int], dirty: bool) -> None:
    whole = write("memory://shards/whole.arrow", rows, [])
    split = write("memory://shards/split.arrow", rows, cuts, dirty=dirty)
    assert split == whole


@settings(max_examples=40, deadline=None)
@given(rows=documents())
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    path = tmp_path_factory.mktemp("shards") / "0.arrow"
    info = write(str(path), rows, [5, 11])
    data = path.read_bytes()
    assert (info.bytes, info.xxh3_128) == (len(data), xxhash.xxh3_128_hexdigest(data))
    assert (info.rows, info.tokens) == (len(rows[0]), sum(map(len, rows[1])))
    with ShardReader(str(path)) as reader:
        batches = list(reader.batches())
    found = [[row for batch in batches for row in batch.column(i).to_pylist()] for i in range(3)]
    assert found == list(rows)


def test_batches_end_where_rows_or_tokens_say(tmp_path: Path) -> None:
    lengths = [1] * 9 + [100] + [1] * 4 + [25, 25, 1]
    rows = ([bytes(16)] * len(lengths), [[0] * n for n in lengths], [0] * len(lengths))
    write(str(tmp_path / "0.arrow"), rows, [])
    with ShardReader(str(tmp_path / "0.arrow")) as reader:
        sizes = [batch.num_rows for batch in reader.batches()]
    # 7 rows; 100 tokens pass 50; 4 + 25 + 25 reach 50; the rest.
    assert sizes == [7, 3, 6, 1]


def test_stored_buffers_are_plain(tmp_path: Path) -> None:
    rows = ([bytes(16)] * 20, [[1, 2, 3]] * 20, [0] * 20)
    write(str(tmp_path / "0.arrow"), rows, [])
    with ShardReader(str(tmp_path / "0.arrow")) as reader:
        for batch in reader.batches():
            for column in batch.columns:
                assert column.buffers()[0] is None
                assert all(b.address % 8 == 0 for b in column.buffers() if b is not None)
            assert batch.column("tokens").offsets[0].as_py() == 0


def test_wide_vocabularies_take_uint32(tmp_path: Path) -> None:
    url = str(tmp_path / "0.arrow")
    tokens = pa.array([[100_000]], pa.list_(pa.uint32()))
    with ShardWriter(url, token_type="uint32") as writer:
        writer.write(pa.array([bytes(16)], pa.binary(16)), tokens, pa.array([0], pa.int32()))
    with ShardReader(url) as reader:
        assert reader.token_type == "uint32"
        assert reader.batch(0).column("tokens").to_pylist() == [[100_000]]


def test_a_large_list_is_refused_by_name(tmp_path: Path) -> None:
    with ShardWriter(str(tmp_path / "0.arrow"), token_type="uint16") as writer:
        ids, sources = pa.array([bytes(16)], pa.binary(16)), pa.array([0], pa.int32())
        with pytest.raises(ValueError, match=r"are of .*uint32.*; allowed: .*uint16"):
            writer.write(ids, pa.array([[1]], pa.list_(pa.uint32())), sources)
        with pytest.raises(ValueError, match="have 1, 2, 1 rows"):
            writer.write(ids, pa.array([[1], [2]], pa.list_(pa.uint16())), sources)
        with pytest.raises(ValueError, match="hold nulls"):
            writer.write(ids, pa.array([None], pa.list_(pa.uint16())), sources)


def write_and_stop(url: str) -> None:
    with ShardWriter(url, token_type="uint16", rows_per_batch=7) as writer:
        ids, sources = pa.array([bytes(16)] * 20, pa.binary(16)), pa.array([0] * 20, pa.int32())
        writer.write(ids, pa.array([[1]] * 20, pa.list_(pa.uint16())), sources)
        raise RuntimeError("stop")


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop(str(tmp_path / "0.arrow"))
    assert list(tmp_path.iterdir()) == []


def test_missing_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.arrow is missing"):
        ShardReader(str(tmp_path / "absent.arrow"))
    write(str(tmp_path / "0.arrow"), ([bytes(16)] * 20, [[1]] * 20, [0] * 20), [])
    data = (tmp_path / "0.arrow").read_bytes()
    for keep in [0, 5, 100, len(data) - 7]:
        (tmp_path / "cut.arrow").write_bytes(data[:keep])
        with pytest.raises(DataError, match=r"cut.arrow can't be read"):
            ShardReader(str(tmp_path / "cut.arrow"))
    foreign = pa.table({"text": ["a"]})
    with pa.ipc.new_file(str(tmp_path / "foreign.arrow"), foreign.schema) as file:
        file.write_table(foreign)
    with pytest.raises(DataError, match="format is none; this program reads 2"):
        ShardReader(str(tmp_path / "foreign.arrow"))


@pytest.mark.parametrize("token_type", ["uint16", "uint32"])
def test_columns_are_those_that_other_programs_are_promised(
    tmp_path: Path, token_type: str
) -> None:
    path = tmp_path / "0.arrow"
    tokens = pa.array([[1, 2]], pa.list_(pa.type_for_alias(token_type)))
    with ShardWriter(str(path), token_type=token_type) as writer:
        writer.write(pa.array([b"a" * 16], pa.binary(16)), tokens, pa.array([0], pa.int32()))
    with pa.memory_map(str(path)) as file:
        schema = pa.ipc.open_file(file).schema
    assert dict(zip(schema.names, schema.types, strict=True)) == {
        "doc_id": pa.binary(16),
        "tokens": tokens.type,
        "source_id": pa.int32(),
    }


def test_the_footer_is_found_by_other_readers(tmp_path: Path) -> None:
    """Arrow's own framing, read by hand: magic at both ends and the footer's length."""
    write(str(tmp_path / "0.arrow"), ([bytes(16)], [[1]], [0]), [])
    data = (tmp_path / "0.arrow").read_bytes()
    assert data[:8] == b"ARROW1\0\0"
    assert data[-6:] == b"ARROW1"
    (footer,) = struct.unpack("<i", data[-10:-6])
    assert 0 < footer < len(data)


def test_hash_is_stable() -> None:
    """The format's bytes, pinned: a change here is a change of SHARD_FORMAT."""
    count = 25
    tokens = np.arange(count * (count - 1) // 2) % 1000
    edges = np.concatenate([[0], np.cumsum(np.arange(count))])
    lists = [tokens[a:b].tolist() for a, b in itertools.pairwise(edges)]
    rows = ([index.to_bytes(16, "big") for index in range(count)], lists, [0, 1] * 12 + [0])
    info = write("memory://shards/pinned.arrow", rows, [3])
    assert (info.rows, info.tokens, info.bytes) == (25, 300, 4042)
    assert info.xxh3_128 == "bdcac3bc7a458cc628155ce235f2d9cd"
