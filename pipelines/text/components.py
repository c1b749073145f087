"""Components: the edges become stars around the first document of each cluster.

A graph for which half a bucket's memory is enough is closed at once by union-find in one task. A
larger one goes through rounds of large-star and small-star, two exchanges each, until a round
changes nothing; then memory holds one group's key, whatever the size of the graph or of a cluster.
Edges travel in both directions into a large-star, since it looks at a node's whole neighbourhood.
"""

from collections.abc import Iterator

import pyarrow as pa

from pipelines.exchange import ExchangeWriter
from pipelines.plan import Exchange, Map, Results
from pipelines.streams import EDGE_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.nodes import is_later, node_buckets, node_matrix
from transforms.components import both_directions, close_locally, large_star, small_star

CHANGED = "changed"
"""The counter that is zero when all components are stars."""

LOCAL_EDGE_BYTES = 320
"""What an edge takes in memory when the graph is closed at once: see transforms.components."""


def round_stages(number: int, results: Results, *, bucket_bytes: int) -> list[Map | Exchange]:
    """The stages of one round, which read the edges that the round before has left."""
    before = "match" if number == 1 else "components"
    buckets = results[before].buckets[EDGE_STREAM.name]
    # Half a bucket, since a task's memory isn't known here and may be the least there is.
    most_edges = bucket_bytes // 2 // LOCAL_EDGE_BYTES
    if number == 1 and results["match"].counters["edges"] <= most_edges:
        return [_local_stage(buckets)]
    large, small = f"large-star-{number}", f"small-star-{number}"
    return [
        Exchange(
            name=large,
            function=large_star_bucket,
            of=((before, EDGE_STREAM),),
            emits=lambda _: {EDGE_STREAM.name: buckets},
        ),
        Exchange(
            name=small,
            function=small_star_bucket,
            of=((large, EDGE_STREAM),),
            emits=lambda _: {EDGE_STREAM.name: buckets},
        ),
    ]


def _local_stage(buckets: int) -> Map:
    return Map(
        name="components-in-memory",
        function=close_graph,
        items=lambda _: [{"buckets": buckets}],
        of=(("match", EDGE_STREAM),),
        emits=lambda _: {EDGE_STREAM.name: 1},
    )


def close_graph(context: TaskContext, item: Item) -> None:
    """Close the whole graph in memory and emit its stars."""
    stars = close_locally(_all_edges(context, item["buckets"]))
    _emit(context.emit(EDGE_STREAM), stars)


def _all_edges(context: TaskContext, buckets: int) -> Iterator[pa.RecordBatch]:
    """The edges, each from its later end only."""
    for bucket in range(buckets):
        for batch in context.read(EDGE_STREAM, bucket):
            later = is_later(node_matrix(batch["node"]), node_matrix(batch["neighbour"]))
            yield batch.filter(pa.array(later))


def large_star_bucket(context: TaskContext, item: Item) -> None:
    """One bucket's large-star step; its edges come from the larger end."""
    edges = context.emit(EDGE_STREAM)
    for step in large_star(context.read(EDGE_STREAM, item["bucket"])):
        context.counters[CHANGED] += step.changed
        _emit(edges, step.edges)


def small_star_bucket(context: TaskContext, item: Item) -> None:
    """One bucket's small-star step; its edges go out from both ends."""
    edges = context.emit(EDGE_STREAM)
    for step in small_star(context.read(EDGE_STREAM, item["bucket"])):
        context.counters[CHANGED] += step.changed
        _emit(edges, both_directions(step.edges))


def _emit(edges: ExchangeWriter, rows: pa.RecordBatch) -> None:
    edges.add(rows, node_buckets(node_matrix(rows["node"]), edges.num_buckets))
