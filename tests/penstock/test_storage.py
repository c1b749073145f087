from pathlib import Path

import pytest

from penstock import storage


@pytest.mark.parametrize("base", ["memory://storage-test", None])
def test_many_files_are_read_in_the_order_asked_for(base: str | None, tmp_path: Path) -> None:
    folder = base or str(tmp_path)
    urls = [storage.join(folder, f"{name}.bin") for name in ("b", "a", "c")]
    for url in urls:
        storage.write_bytes(url, url.encode())
    assert storage.read_many(urls) == [url.encode() for url in urls]
    assert storage.read_many(urls[:1]) == [urls[0].encode()]
    assert storage.read_many([]) == []


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.bin"

    def stop_halfway() -> None:
        with storage.atomic_output(str(path)) as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_halfway()
    assert list(path.parent.iterdir()) == []
    storage.write_bytes(str(path), b"whole")
    assert path.read_bytes() == b"whole"
    assert storage.list_files(str(tmp_path)) == [str(path)]


def test_a_version_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")
    before = storage.version(str(path))
    path.write_bytes(b"2")
    assert storage.version(str(path)) != before
