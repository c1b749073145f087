from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import ORDER_KEY
from schemas.hashes import EDGES
from transforms.components import Step, both_directions, close_locally, large_star, small_star

Edge = tuple[bytes, bytes]

# Few nodes that differ in any of the three words of their keys.
NODES = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 2)).map(
    lambda words: b"".join((word << 56 | 255).to_bytes(8, "big") for word in words)
)
GRAPHS = st.lists(st.tuples(NODES, NODES).filter(lambda edge: edge[0] != edge[1]), max_size=40)


def node(number: int) -> bytes:
    return number.to_bytes(24, "big")


def batch_of(edges: Iterable[Edge]) -> pa.RecordBatch:
    rows = list(edges)
    columns = [pa.array([row[side] for row in rows], ORDER_KEY) for side in (0, 1)]
    return pa.RecordBatch.from_arrays(columns, schema=EDGES)


def edges_of(batch: pa.RecordBatch) -> list[Edge]:
    assert batch.schema.equals(EDGES, check_metadata=True)
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def labels_by_search(edges: list[Edge]) -> list[Edge]:
    """(node, least node reached from it) of each node that is not itself the least."""
    around: dict[bytes, set[bytes]] = {}
    for a, b in edges:
        around.setdefault(a, set()).add(b)
        around.setdefault(b, set()).add(a)
    labels: list[Edge] = []
    seen: set[bytes] = set()
    for start in sorted(around):
        queue = deque([] if start in seen else [start])
        seen.add(start)
        while queue:
            for other in around[queue.popleft()] - seen:
                seen.add(other)
                queue.append(other)
                labels.append((other, start))
    return sorted(labels)


def split(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def run(
    step: Callable[[Iterable[pa.RecordBatch]], Iterator[Step]], batch: pa.RecordBatch, rows: int
) -> tuple[list[Edge], int]:
    """Edges that a step makes of a sorted copy of the batch, and its changes."""
    steps = list(step(split(batch_of(sorted(edges_of(batch))), rows)))
    return [e for s in steps for e in edges_of(s.edges)], sum(s.changed for s in steps)


def close_by_rounds(edges: list[Edge], rows: int) -> tuple[list[Edge], int]:
    """The fixpoint of the two steps, and the rounds that it took."""
    edges = [(max(edge), min(edge)) for edge in edges]
    for rounds in range(1, 100):
        edges, large = run(large_star, both_directions(batch_of(edges)), rows)
        assert all(a > b for a, b in edges)
        edges, small = run(small_star, batch_of(edges), rows)
        assert all(a > b for a, b in edges)
        if large + small == 0:
            return sorted(set(edges)), rounds
    raise AssertionError("no fixpoint after 100 rounds")


@given(GRAPHS, st.integers(1, 9))
def test_the_fixpoint_of_the_steps_labels_components(edges: list[Edge], rows: int) -> None:
    assert close_by_rounds(edges, rows)[0] == labels_by_search(edges)


@given(GRAPHS, st.integers(1, 9))
def test_union_find_labels_components(edges: list[Edge], rows: int) -> None:
    assert edges_of(close_locally(split(batch_of(edges), rows))) == labels_by_search(edges)


@given(GRAPHS, st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_matter(edges: list[Edge], random: object) -> None:
    other = [edge[::-1] for edge in reversed(edges)]
    assert close_locally([batch_of(other)]).equals(close_locally([batch_of(edges)]))


@given(GRAPHS, st.integers(1, 9), st.booleans())
def test_batch_boundaries_do_not_matter(edges: list[Edge], rows: int, is_large: bool) -> None:
    step = large_star if is_large else small_star
    batch = both_directions(batch_of(edges))
    whole, changed = run(step, batch, max(batch.num_rows, 1))
    assert run(step, batch, rows) == (whole, changed)


@given(GRAPHS, st.integers(1, 9))
def test_a_round_keeps_components(edges: list[Edge], rows: int) -> None:
    large, _ = run(large_star, both_directions(batch_of(edges)), rows)
    assert labels_by_search(large) == labels_by_search(edges)
    downward = [(max(edge), min(edge)) for edge in edges]
    small, _ = run(small_star, batch_of(downward), rows)
    assert labels_by_search(small) == labels_by_search(edges)


@pytest.mark.parametrize(
    ("name", "edges", "most_rounds"),
    [
        ("path", [(node(i), node(i + 1)) for i in range(1000)], 12),
        ("path out of order", [(node(i * 617 % 1000), node((i + 1) * 617 % 1000))
                               for i in range(999)], 12),
        ("star around the least", [(node(i), node(0)) for i in range(1, 1000)], 1),
        ("star around the greatest", [(node(i), node(1000)) for i in range(1000)], 3),
        ("clique", [(node(i), node(j)) for i in range(40) for j in range(i)], 3),
        ("cycle", [(node(i), node((i + 1) % 500)) for i in range(500)], 12),
        ("two stars joined", [(node(i), node(500 + i % 2)) for i in range(500)]
         + [(node(500), node(501))], 4),
    ],
)  # fmt: skip
def test_shapes_close_in_few_rounds(name: str, edges: list[Edge], most_rounds: int) -> None:
    labels, rounds = close_by_rounds(edges, 97)
    assert labels == labels_by_search(edges) == edges_of(close_locally([batch_of(edges)]))
    assert rounds <= most_rounds


def test_a_graph_without_edges_has_no_labels() -> None:
    assert edges_of(close_locally([])) == []
    assert edges_of(close_locally([batch_of([])])) == []
    assert list(large_star([batch_of([])])) == []


def test_an_edge_to_itself_labels_nothing() -> None:
    loop = [(node(3), node(3))]
    assert run(large_star, batch_of(loop), 1) == ([], 0)
    assert run(small_star, batch_of(loop), 1) == ([], 0)
    assert edges_of(close_locally([batch_of(loop)])) == []


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(
    "edges", [[(node(2), node(1)), (node(1), node(2))], [(node(3), node(2)), (node(3), node(1))]]
)
def test_edges_out_of_order_are_refused(edges: list[Edge], rows: int) -> None:
    for step in (large_star, small_star):
        with pytest.raises(ValueError, match=r"must be sorted by \(node, neighbour\)"):
            list(step(split(batch_of(edges), rows)))


def test_a_large_random_graph_is_labelled_alike_by_both_ways() -> None:
    random = np.random.default_rng(0)
    pairs = random.integers(0, 3000, (2400, 2))
    edges = [(node(int(a)), node(int(b))) for a, b in pairs if a != b]
    labels = labels_by_search(edges)
    assert edges_of(close_locally([batch_of(edges)])) == labels
    assert close_by_rounds(edges, 500)[0] == labels
