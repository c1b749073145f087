import json
import pickle
from itertools import pairwise
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import UsageError
from pipelines.pieces import (
    MAX_PIECE_BYTES,
    MIN_PIECE_BYTES,
    InputFile,
    Piece,
    list_inputs,
    piece_size,
    plan_pieces,
)
from pipelines.readers.options import InputOptions, ReadOptions
from pipelines.readers.spans import Fields
from tests.pipelines.readers.archives import PACKERS, http, warc


def _input(*paths: Path | str, name: str = "in", **options: object) -> InputOptions:
    return InputOptions(name=name, paths=tuple(map(str, paths)), **options)  # type: ignore[arg-type]


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def _names(files: list[InputFile]) -> list[str]:
    return [file.url.rsplit("/", 1)[-1] for file in files]


def test_globs_folders_and_files_are_listed_once_in_order(tmp_path: Path) -> None:
    _touch(tmp_path, "b.jsonl", "a.jsonl.gz", "sub/c.warc.gz", "sub/.hidden.warc", "sub/_SUCCESS")
    files = list_inputs([_input(tmp_path / "*.jsonl*", tmp_path / "b.jsonl", tmp_path / "sub")])
    assert _names(files) == ["a.jsonl.gz", "b.jsonl", "c.warc.gz"]
    assert [file.format for file in files] == ["jsonl", "jsonl", "warc"]
    assert [file.size for file in files] == [1, 1, 1]


def test_a_name_with_glob_characters_is_a_file(tmp_path: Path) -> None:
    _touch(tmp_path, "a[1].txt", "a1.txt")
    assert _names(list_inputs([_input(tmp_path / "a[1].txt")])) == ["a[1].txt"]
    assert _names(list_inputs([_input(tmp_path / "a?.txt")])) == ["a1.txt"]


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("CC-MAIN-1-00000.warc.gz", "warc"),
        ("x.warc.wet.gz", "warc"),
        ("x.ARC.GZ", "warc"),
        ("x.ndjson.zst", "jsonl"),
        ("x.json.gz", "jsonl"),
        ("x.parquet", "parquet"),
        ("x.snappy.parquet", "parquet"),
        ("x.txt.bz2", "text"),
        ("README.md", "text"),
        ("x.warc.gz.open", "warc"),
    ],
)
def test_formats_by_name(tmp_path: Path, name: str, format_: str) -> None:
    (file,) = list_inputs([_input(_touch(tmp_path, name) / name)])
    assert file.format == format_


def test_a_given_format_wins(tmp_path: Path) -> None:
    _touch(tmp_path, "part-0000")
    (file,) = list_inputs([_input(tmp_path / "part-*", format="wet")])
    assert file.format == "warc"


def test_the_fields_of_the_input_go_with_the_file(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jsonl")
    (file,) = list_inputs([_input(tmp_path, name="books", text_field="body", lines=True)])
    assert file.input == "books"
    assert file.span().fields == Fields(text="body", lines=True)


def test_a_folder_that_can_not_be_read_is_not_called_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> list[str]:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    # Root may read every folder, so the refusal is made here.
    monkeypatch.setattr(LocalFileSystem, "ls", refused)
    with pytest.raises(UsageError, match=r"; /.* can't be read: Permission denied$"):
        list_inputs([_input(tmp_path / "absent.jsonl")])


def test_a_file_has_one_name_from_whichever_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "crawl/a.jsonl", "elsewhere/b.jsonl")
    monkeypatch.chdir(tmp_path / "elsewhere")
    here, there = (list_inputs([_input(p)]) for p in ("../crawl/*.jsonl", tmp_path / "crawl"))
    assert here == there
    assert [file.url for file in here] == [f"{tmp_path}/crawl/a.jsonl"]


def test_what_matches_nothing_says_what_is_near(tmp_path: Path) -> None:
    _touch(tmp_path, "pages-00000.warc.gz", "pages-00001.warc.gz", "other/x.txt")
    with pytest.raises(UsageError) as caught:
        list_inputs([_input(tmp_path / "page-00000.warc.gz", name="crawl")])
    message = str(caught.value)
    assert message.startswith(
        f"inputs.crawl.paths: no file matches '{tmp_path}/page-00000.warc.gz'"
    )
    assert "such as pages-00000.warc.gz" in message
    with pytest.raises(UsageError, match=r"there are 3 entries, such as other$"):
        list_inputs([_input(tmp_path / "nowhere" / "*.jsonl")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no file matches .*; that folder has no files"):
        list_inputs([_input(tmp_path / "empty")])


def test_other_mistakes_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jsonl", "b.docx")
    with pytest.raises(UsageError, match=r"inputs\.in\.paths: got no path"):
        list_inputs([_input()])
    with pytest.raises(UsageError, match=r"'auto' can't tell the format of .*b\.docx .*\.warc"):
        list_inputs([_input(tmp_path)])
    with pytest.raises(UsageError, match=r"a\.jsonl is in both 'one' and 'two'"):
        list_inputs([_input(tmp_path / "a*", name="one"), _input(tmp_path / "*.jsonl", name="two")])


def test_remote_files() -> None:
    for name in ("b", "a"):
        with fsspec.open(f"memory://bucket/x/{name}.jsonl", "wb") as file:
            file.write(b"{}\n")
    files = list_inputs([_input("memory://bucket/x/*.jsonl")])
    assert [file.url for file in files] == [
        "memory:///bucket/x/a.jsonl",
        "memory:///bucket/x/b.jsonl",
    ]
    assert [file.size for file in files] == [3, 3]


def _file(size: int, number: int = 0, format_: str = "jsonl") -> InputFile:
    return InputFile(
        url=f"memory://none/{number}", input="in", format=format_, size=size, fields=Fields()
    )


def test_auto_goes_by_the_size_of_the_input() -> None:
    auto = ReadOptions(io_retries=0)
    assert piece_size(1000, auto) == MIN_PIECE_BYTES
    assert piece_size(10**12, auto) == 10**8
    assert piece_size(10**15, auto) == MAX_PIECE_BYTES
    assert piece_size(10**15, ReadOptions.model_validate({"piece_bytes": "8 MiB"})) == 8 << 20


@given(
    sizes=st.lists(st.integers(0, 5000), max_size=30),
    target=st.integers(1, 3000),
)
def test_pieces_cover_every_byte_once(sizes: list[int], target: int) -> None:
    files = [_file(size, number, "parquet") for number, size in enumerate(sizes)]
    pieces = plan_pieces(files, ReadOptions(piece_bytes=target))
    spans = [span for piece in pieces for span in piece.spans]
    for file in files:
        ranges = sorted((s.start, s.end) for s in spans if s.url == file.url)
        assert ranges[0][0] == 0
        assert ranges[-1][1] == file.size
        assert all(a[1] == b[0] for a, b in pairwise(ranges))
    assert all(piece.num_bytes <= target * 3 / 2 for piece in pieces)
    assert all(len(piece.spans) == 1 or piece.num_bytes <= target for piece in pieces)


def test_small_files_go_together_and_large_ones_are_cut() -> None:
    sizes = [10, 10, 10, 10, 100, 10]
    files = [_file(size, number, "parquet") for number, size in enumerate(sizes)]
    pieces = plan_pieces(files, ReadOptions(piece_bytes=32))
    shapes = [[(s.url[-1], s.start, s.end, s.aligned) for s in piece.spans] for piece in pieces]
    assert shapes == [
        [("0", 0, 10, True), ("1", 0, 10, True), ("2", 0, 10, True)],
        [("4", 0, 25, True)],
        [("4", 25, 50, False)],
        [("4", 50, 75, False)],
        [("4", 75, 100, False)],
        [("3", 0, 10, True), ("5", 0, 10, True)],
    ]


def test_files_that_cannot_be_cut_are_said_to_be(tmp_path: Path) -> None:
    records = [warc(http(bytes(str(n), "ascii") * 500), number=n) for n in range(40)]
    stored = {
        "members.warc.gz": PACKERS["gzip"](records),
        "frames.warc.lz4": PACKERS["lz4"](records),
        "plain.warc": PACKERS["plain"](records),
        "one.warc.gz": PACKERS["one gzip"](records),
        "lines.jsonl": b"{}\n" * 1000,
        "lines.jsonl.gz": PACKERS["stored gzip"]([b"{}\n" * 1000]),
        "book.txt": b"x" * 5000,
    }
    for name, data in stored.items():
        (tmp_path / name).write_bytes(data)
    files = list_inputs([_input(tmp_path)])
    pieces = plan_pieces(files, ReadOptions(piece_bytes=150))
    reasons = {piece.spans[0].url.rsplit("/", 1)[-1]: piece.unsplit for piece in pieces}
    assert reasons == {
        "members.warc.gz": None,
        "frames.warc.lz4": None,
        "plain.warc": None,
        "one.warc.gz": "it's one gzip stream",
        "lines.jsonl": None,
        "lines.jsonl.gz": "it's one gzip stream",
        "book.txt": "a text file is one document",
    }


def test_pieces_survive_json_and_pickle(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jsonl", "b.txt")
    (piece,) = plan_pieces(list_inputs([_input(tmp_path)]), ReadOptions())
    assert Piece.from_json(json.loads(json.dumps(piece.to_json()))) == piece
    assert pickle.loads(pickle.dumps(piece)) == piece
    assert piece == plan_pieces(list_inputs([_input(tmp_path)]), ReadOptions())[0]
