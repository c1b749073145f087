"""The chain from hashes to verdicts, held to a brute-force search over all pairs."""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import storage
from pipelines import merge
from pipelines.driver import Driver
from pipelines.engines.serial import SerialEngine
from pipelines.exchange import read_bucket
from pipelines.plan import Map, StageResult
from pipelines.recipe import load_recipe
from pipelines.streams import DIGEST_STREAM, HASH_STREAM, PLACE_STREAM, VERDICT_STREAM
from pipelines.task import Item, Settings, TaskContext
from pipelines.text.plan import deduplicate
from schemas.hashes import DIGESTS, HASHES, PLACES

BUCKETS = {"places": 2, "digests": 3, "hashes": 3}
BANDS = 3


@dataclass(frozen=True, order=True)
class Document:
    """One reading of a record; which text and bands it has follows from its id."""

    id: int
    date: int
    choice: int


@dataclass(frozen=True)
class Content:
    """What the documents of one id hold."""

    text: int
    bands: tuple[int, ...]


@dataclass(frozen=True)
class Corpus:
    """The contents by id, and the documents in pieces."""

    contents: tuple[Content, ...]
    pieces: tuple[tuple[Document, ...], ...]


@dataclass(frozen=True)
class Verdict:
    """What a document's row says: rule (None: kept), keeper, size of its cluster, bands."""

    rule: str | None
    keeper: int
    size: int
    bands: int


def id_bytes(number: int) -> bytes:
    """An id whose first bytes spread over the buckets."""
    return (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") + number.to_bytes(8, "big")


def node_bytes(document: Document) -> bytes:
    """The order key of a document."""
    return document.date.to_bytes(8, "big") + id_bytes(document.id)


def order(document: Document) -> tuple[int, bytes]:
    """What documents are ordered by, told apart from the order key's own encoding."""
    return document.date, id_bytes(document.id)


def offer(context: TaskContext, item: Item) -> None:
    """What `curate` emits, of made-up documents."""
    places = context.emit(PLACE_STREAM)
    digests = context.emit(DIGEST_STREAM)
    hashes = context.emit(HASH_STREAM)
    for row, (number, date, choice) in enumerate(item["documents"]):
        text, bands = item["contents"][number]
        document = Document(number, date, choice)
        place = [id_bytes(number), node_bytes(document), choice, item["piece"], row, 10]
        places.add(_rows([place], PLACES), _bucket(number, 2))
        digest = [text.to_bytes(16, "big"), node_bytes(document)]
        digests.add(_rows([digest], DIGESTS), _bucket(text, 3))
        for band, value in enumerate(bands):
            row_ = [value, node_bytes(document), band]
            hashes.add(_rows([row_], HASHES), _bucket(value, 3))


def _rows(rows: list[list[object]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [dict(zip(schema.names, r, strict=True)) for r in rows], schema
    )


def _bucket(number: int, buckets: int) -> np.ndarray:
    if buckets == 2:
        # Places meet labels and evidence in the bucket of their doc_id.
        number = int.from_bytes(id_bytes(number)[:8], "big") * buckets >> 64
    return np.array([number % buckets], np.uint32)


def decided(corpus: Corpus, *, bucket_bytes: int) -> dict[tuple[int, int], Verdict]:
    """The verdict on each (piece, row), as the program's stages find it."""
    work = f"memory://dedup-{uuid.uuid4().hex}"
    items = [
        {
            "piece": number,
            "documents": [[d.id, d.date, d.choice] for d in piece],
            "contents": [[c.text, list(c.bands)] for c in corpus.contents],
        }
        for number, piece in enumerate(corpus.pieces)
    ]
    recipe = load_recipe(
        "quickstart",
        inputs=["x"],
        output="x",
        overrides=[f"exchange.bucket_bytes={bucket_bytes}"],
    )
    engine = SerialEngine(settings=Settings(engine="serial", memory_bytes=30_000))
    driver = Driver(
        work_dir=work, recipe={}, code_version="", engine=engine, on_event=lambda _: None, fan_in=2
    )
    curate = Map(name="curate", function=offer, items=lambda _: items, emits=lambda _: BUCKETS)
    results = driver.run([curate, *deduplicate(recipe, len(items))])
    rounds = any(name.startswith("large-star") for name in results)
    assert rounds == (results["match"].counters["edges"] * 640 > bucket_bytes)
    found = {
        (row["piece"], row["row"]): row
        for piece in range(len(items))
        for row in _read(results, piece)
    }
    storage.remove_tree(work)
    return {
        (piece, row): _verdict(found.get((piece, row)), document)
        for piece, documents in enumerate(corpus.pieces)
        for row, document in enumerate(documents)
    }


def _read(results: dict[str, StageResult], piece: int) -> Iterator[dict[str, object]]:
    files = results["verdicts"].files("verdicts")
    for batch in read_bucket(
        files,
        piece,
        schema=VERDICT_STREAM.schema,
        sort_by=VERDICT_STREAM.sort_by,
        memory_bytes=10**6,
    ):
        yield from batch.to_pylist()


def _verdict(row: dict[str, object] | None, document: Document) -> Verdict:
    if row is None:
        return Verdict(None, document.id, 1, 0)
    keeper = int.from_bytes(row["cluster_id"][8:], "big")
    return Verdict(row["rule"], keeper, row["cluster_size"], row["matched_bands"])


def expected(corpus: Corpus) -> dict[tuple[int, int], Verdict]:
    """The verdict on each (piece, row), by comparing every document with every other."""
    places = {
        (piece, row): document
        for piece, documents in enumerate(corpus.pieces)
        for row, document in enumerate(documents)
    }
    nodes = sorted({order(d): d for d in places.values()}.items())
    roots, sizes = _clusters([d for _, d in nodes], corpus)
    return {
        place: _judge(place, document, places, roots, sizes, corpus)
        for place, document in places.items()
    }


def _clusters(
    nodes: list[Document], corpus: Corpus
) -> tuple[dict[tuple[int, bytes], Document], dict[tuple[int, bytes], int]]:
    """The first document of each node's cluster, and the number of nodes around each first."""
    clusters = [{order(node)} for node in nodes]
    for a, b in itertools.combinations(nodes, 2):
        one, other = corpus.contents[a.id], corpus.contents[b.id]
        if one.text == other.text or any(map(int.__eq__, one.bands, other.bands)):
            joined = [c for c in clusters if order(a) in c or order(b) in c]
            clusters = [c for c in clusters if c not in joined] + [set().union(*joined)]
    by_order = {order(node): node for node in nodes}
    roots = {node: by_order[min(cluster)] for cluster in clusters for node in cluster}
    return roots, {min(cluster): len(cluster) for cluster in clusters}


def _judge(
    place: tuple[int, int],
    document: Document,
    places: dict[tuple[int, int], Document],
    roots: dict[tuple[int, bytes], Document],
    sizes: dict[tuple[int, bytes], int],
    corpus: Corpus,
) -> Verdict:
    same = [(order(d), d.choice, p) for p, d in places.items() if d.id == document.id]
    first, _, kept_place = min(same)
    root, mine = roots[first], corpus.contents[document.id]
    earlier = [
        corpus.contents[d.id] for d in places.values() if order(d) < first and d.id != document.id
    ]
    bands = sum(any(o.bands[band] == mine.bands[band] for o in earlier) for band in range(BANDS))
    if place != kept_place:
        rule = "duplicate_id"
    elif root.id == document.id:
        rule = None
    else:
        rule = "exact_duplicate" if any(o.text == mine.text for o in earlier) else "near_duplicate"
    size = sizes[order(root)] if root.id == document.id else 1
    return Verdict(rule, root.id, size, bands)


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """Few ids, texts and hashes, so that all that can coincide does."""
    most = draw(st.integers(1, 12))
    hashes = st.integers(0, draw(st.sampled_from([3, 30])))
    contents = draw(
        st.lists(
            st.builds(Content, st.integers(0, most), st.tuples(*[hashes] * BANDS)),
            min_size=most,
            max_size=most,
        )
    )
    documents = st.builds(
        Document, st.integers(0, most - 1), st.integers(0, 3), st.integers(0, 2**64 - 1)
    )
    pieces = draw(st.lists(st.lists(documents, max_size=12).map(tuple), min_size=1, max_size=4))
    return Corpus(tuple(contents), tuple(pieces))


@pytest.fixture
def _short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams in batches of a few rows, so that groups span them."""
    monkeypatch.setattr(merge, "BATCH_BYTES", 100)


@pytest.mark.usefixtures("_short_batches")
@pytest.mark.parametrize("bucket_bytes", [1, 64_000_000], ids=["rounds", "at once"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=corpora())
def test_verdicts_are_those_of_comparing_all_pairs(bucket_bytes: int, corpus: Corpus) -> None:
    assert decided(corpus, bucket_bytes=bucket_bytes) == expected(corpus)
