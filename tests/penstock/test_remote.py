"""Remote datasets: the shards' cache, what is fetched ahead, slow and failing storage."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import DataError, TokenLoader, UsageError, storage
from penstock.manifest import Manifest
from penstock.retry import with_retries
from penstock.shard_cache import FetchingStoppedError, ShardCache
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.storage_server import Proxy, s3_bucket
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Proxy]]:
    monkeypatch.setattr("penstock.retry.FIRST_PAUSE_S", 0.001)
    with s3_bucket(monkeypatch, "penstock-remote") as found:
        yield found


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "penstock" / "shards"


def made(out: str, shards: int = 6) -> Manifest:
    return make_dataset(out, random_documents(lengths_of(200)), shards=shards, **SMALL)


def epoch(loader: TokenLoader) -> list[dict[str, Any]]:
    return [plain(batch) for batch in loader]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def fetchers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("penstock")]


def test_slow_and_failing_storage_gives_the_same_batches(
    bucket: tuple[str, Proxy], tmp_path: Path
) -> None:
    url, proxy = bucket
    made(str(tmp_path))
    made(f"{url}/out")
    kinds = ["refuse", "cut", "refuse", "slow"]
    proxy.trouble = lambda path, number: kinds[number] if "/out/" in path and number < 4 else ""
    remote = open_loader(f"{url}/out", prefetch=4)
    assert epoch(remote) == epoch(open_loader(str(tmp_path)))
    assert proxy.troubles >= 4 * 6 + 4
    assert fetchers() == []


def test_storage_that_never_answers_is_named(bucket: tuple[str, Proxy]) -> None:
    url, proxy = bucket
    made(f"{url}/out")
    loader = open_loader(f"{url}/out", cache_bytes=10_000)
    proxy.trouble = lambda path, _: "refuse" if path.endswith(".arrow") else ""
    with pytest.raises(DataError, match=r"shard s3://.*\.arrow can't be read: 6 attempts failed"):
        epoch(loader)
    assert fetchers() == []
    proxy.trouble = lambda _path, _: "refuse"
    with pytest.raises(DataError, match="out can't be read: 6 attempts failed, the last with"):
        open_loader(f"{url}/out")


def test_a_shard_is_fetched_once_by_whoever_needs_it(
    bucket: tuple[str, Proxy], own_cache: Path
) -> None:
    url, proxy = bucket
    manifest = made(f"{url}/out")
    first = epoch(open_loader(f"{url}/out"))
    shards = [f"{url[4:]}/out/{entry.path}" for entry in manifest.shards]
    before = [proxy.seen[path] for path in shards]
    assert epoch(open_loader(f"{url}/out", prefetch=3)) == first
    assert [proxy.seen[path] for path in shards] == before
    names = sorted(path.name for path in own_cache.glob("*.arrow"))
    assert names == sorted(f"{entry.xxh3_128}.arrow" for entry in manifest.shards)


def test_the_cache_keeps_its_bound_and_what_was_used_last(tmp_path: Path) -> None:
    out = "memory://remote-bound/out"
    manifest = made(out)
    sizes = [entry.bytes for entry in manifest.shards]
    cache = ShardCache(tmp_path / "cache", sum(sizes[:3]) + 8)
    urls = [storage.join(out, entry.path) for entry in manifest.shards]
    pairs = list(zip(urls, manifest.shards, strict=True))
    for index in [0, 1, 2]:
        cache.fetch(*pairs[index])
    first = cache.fetch(*pairs[0])
    os.utime(first, ns=(10**18, 10**18 * 2))
    for index in [3, 4, 5, 3]:
        path = cache.fetch(*pairs[index])
        assert storage.hash_file(str(path)) == manifest.shards[index].xxh3_128
        assert size_of(cache.folder) <= cache.max_bytes
    assert first.exists()
    assert not (cache.folder / f"{manifest.shards[1].xxh3_128}.arrow").exists()


def test_a_loader_works_within_a_small_cache(tmp_path: Path) -> None:
    out = "memory://remote-small/out"
    manifest = made(out)
    room = 2 * max(entry.bytes for entry in manifest.shards)
    loader = open_loader(out, cache_dir=tmp_path / "small", cache_bytes=room, prefetch=2)
    uncached = open_loader(out, cache_bytes=0)
    for _ in range(2):
        assert epoch(loader) == epoch(uncached)
        assert size_of(tmp_path / "small") <= room
    with pytest.raises(UsageError, match=r"cache_bytes is 100, but the shard shards/train-0000"):
        open_loader(out, cache_bytes=100)
    with pytest.raises(UsageError, match="cache_bytes is -1; allowed: at least 0"):
        open_loader(out, cache_bytes=-1)


def test_bytes_that_arent_the_manifests_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.retry.FIRST_PAUSE_S", 0.001)
    out = "memory://remote-flip/out"
    entry = made(out).shards[0]
    url = storage.join(out, entry.path)
    data = bytearray(storage.read_bytes(url))
    data[len(data) // 2] ^= 1
    storage.write_bytes(url, bytes(data))
    cache = ShardCache(tmp_path, 1 << 30)
    with pytest.raises(DataError, match=r"has the xxh3_128 [0-9a-f]{32}, the manifest says"):
        cache.fetch(url, entry)
    storage.write_bytes(url, bytes(data[:-9]))
    with pytest.raises(DataError, match=r"6 attempts failed, the last with EOFError: bytes 0 to"):
        cache.fetch(url, entry)
    storage.remove_tree(url)
    with pytest.raises(DataError, match="is missing; restore it"):
        cache.fetch(url, entry)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    out = "memory://remote-killed/out"
    first, second = made(out, shards=2).shards
    left = tmp_path / f"{second.xxh3_128}.fetching"
    with open(left, "wb") as file:
        file.truncate(first.bytes * 9)
    cache = ShardCache(tmp_path, max(first.bytes, second.bytes))
    assert cache.fetch(storage.join(out, first.path), first).exists()
    assert not left.exists()
    left.write_bytes(b"half")
    path = cache.fetch(storage.join(out, second.path), second)
    assert storage.hash_file(str(path)) == second.xxh3_128


def test_a_shard_that_another_process_finishes_meanwhile_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets its name after the cache was listed, and must go to make room."""
    out = "memory://remote-finished/out"
    entry = made(out).shards[0]
    unfinished, finished = tmp_path / "other.fetching", tmp_path / "other.arrow"
    unfinished.write_bytes(bytes(100))
    measure = Path.stat

    def finish_first(path: Path, **options: Any) -> os.stat_result:
        if path == unfinished and not finished.exists():
            os.rename(path, finished)
        return measure(path, **options)

    with open(unfinished, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(Path, "stat", finish_first)
        cache = ShardCache(tmp_path, entry.bytes + 50)
        assert cache.fetch(storage.join(out, entry.path), entry).exists()
    assert not finished.exists()


def test_a_shard_whose_room_was_taken_before_it_was_open_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = "memory://remote-taken/out"
    made(out)
    fetch, taken = ShardCache.fetch, []

    def take_once(self: ShardCache, url: str, entry: Any, stop: Any = None) -> Path:
        path = fetch(self, url, entry, stop)
        if not taken:
            taken.append(path)
            path.unlink()
        return path

    monkeypatch.setattr(ShardCache, "fetch", take_once)
    loader = open_loader(out, cache_dir=tmp_path)
    assert plain(loader.batch(0)) == plain(open_loader(out, cache_bytes=0).batch(0))
    assert taken


def test_fetching_stops_when_it_is_told_to(tmp_path: Path) -> None:
    out = "memory://remote-stop/out"
    entry = made(out).shards[0]
    stop = threading.Event()
    stop.set()
    with pytest.raises(FetchingStoppedError):
        ShardCache(tmp_path, 1 << 30).fetch(storage.join(out, entry.path), entry, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_stopping_ends_a_wait_for_another_process(tmp_path: Path) -> None:
    """This process holds the lock itself, as another one would that fetches the shard."""
    out = "memory://remote-wait/out"
    entry = made(out).shards[0]
    cache, stop, ended = ShardCache(tmp_path, 1 << 30), threading.Event(), threading.Event()

    def wait() -> None:
        with pytest.raises(FetchingStoppedError):
            cache.fetch(storage.join(out, entry.path), entry, stop)
        ended.set()

    with open(tmp_path / f"{entry.xxh3_128}.fetching", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=wait)
        thread.start()
        assert not ended.wait(0.2)
        stop.set()
        thread.join()
    assert ended.is_set()


def test_stopping_ends_the_pauses_between_attempts(tmp_path: Path) -> None:
    out = "memory://remote-pause/out"
    entry = made(out).shards[0]
    url = storage.join(out, entry.path)
    storage.write_bytes(url, b"")
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    with pytest.raises(FetchingStoppedError):
        ShardCache(tmp_path, 1 << 30).fetch(url, entry, stop)
    timer.join()


def test_the_next_groups_shards_are_fetched_ahead(own_cache: Path) -> None:
    out = "memory://remote-ahead/out"
    make_dataset(out, random_documents([60] * 360), shards=12, **SMALL)
    loader = open_loader(out, window_tokens=2000, windows_per_batch=2)
    assert not own_cache.exists()
    loader.batch(0)
    ahead = loader.dataset._ahead._thread
    if ahead is not None:
        ahead.join()
    assert len(list(own_cache.glob("*.arrow"))) == 4
    loader.close()


PROCESS = """
import sys, random
from pathlib import Path
from penstock import read_manifest, storage
from penstock.shard_cache import ShardCache
out, folder, room, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
cache, shards = ShardCache(folder, room), read_manifest(out).shards
chance = random.Random(seed)
for _ in range(25):
    entry = chance.choice(shards)
    path = cache.fetch(storage.join(out, entry.path), entry)
    try:
        assert storage.hash_file(str(path)) == entry.xxh3_128
    except FileNotFoundError:
        pass  # Another process took its room just now.
    found = 0
    for other in folder.iterdir():
        try:
            found += other.stat().st_size
        except FileNotFoundError:
            pass
    assert found <= room, (found, room)
print("done")
"""


def test_processes_share_the_cache(bucket: tuple[str, Proxy], tmp_path: Path) -> None:
    out = f"{bucket[0]}/out"
    room = int(3.5 * max(entry.bytes for entry in made(out).shards))
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROCESS, out, str(tmp_path / "shared"), str(room)]
    running = [
        subprocess.Popen([*command, str(seed)], env=env, stdout=subprocess.PIPE, text=True)
        for seed in range(3)
    ]
    assert [process.communicate(timeout=100)[0] for process in running] == ["done\n"] * 3
    assert not list((tmp_path / "shared").glob("*.fetching"))


def test_attempts_pause_longer_and_longer_and_end() -> None:
    pauses: list[float] = []

    def failing() -> None:
        raise ConnectionResetError("gone")

    with pytest.raises(DataError, match=r"it can't be read: 8 attempts failed, .* ConnectionReset"):
        with_retries(failing, what="it", attempts=8, pause=pauses.append)
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 8]
    results = iter([TimeoutError(), TimeoutError(), "here"])

    def late() -> str:
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    assert with_retries(late, what="it", pause=pauses.append) == "here"
    assert len(pauses) == 9


def test_an_absent_remote_dataset_is_refused_at_once(bucket: tuple[str, Proxy]) -> None:
    with pytest.raises(UsageError, match="no dataset at"):
        open_loader(f"{bucket[0]}/none")
