"""Which files a recipe's inputs name, and how their bytes are cut into pieces of work.

A piece is a function of the input's bytes and the recipe, never of the machine: a task is named by
its piece, and a run that is taken up again on another machine has the same tasks. Small files go
together into one piece, large ones are cut into ranges where their format allows.

'auto' makes pieces of a ten-thousandth of the input, at least 8 MiB (some 260 stored pages, about
a second of work) and at most 1 GiB.
"""

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from penstock.errors import UsageError
from penstock.storage import resolve, version_of
from pipelines.readers.options import InputOptions, ReadOptions
from pipelines.readers.spans import Fields, Span
from pipelines.readers.splitting import unsplittable
from pipelines.system_errors import reason
from pipelines.visible import is_text

MIN_PIECE_BYTES = 8 << 20
MAX_PIECE_BYTES = 1 << 30
MOST_PIECES = 10_000

FileInfo = Mapping[str, Any]

_COMPRESSED = (".gz", ".zst", ".lz4", ".bz2", ".xz")
_FORMATS = {
    ".warc": "warc",
    ".arc": "warc",
    ".wet": "warc",
    ".wat": "warc",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file that an input names; `format` is warc, jsonl, parquet or text.

    `version` changes when the file's content does.
    """

    url: str
    input: str
    format: str
    size: int
    fields: Fields
    version: str = ""

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The file's stored bytes [start, end), or all of them."""
        return Span(
            url=self.url,
            input=self.input,
            format=self.format,
            size=self.size,
            start=start,
            end=self.size if end is None else end,
            aligned=start == 0,
            fields=self.fields,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one task reads. `unsplit` says why a large file wasn't cut, or is None."""

    spans: tuple[Span, ...]
    unsplit: str | None = None

    @property
    def num_bytes(self) -> int:
        """Stored bytes of the spans."""
        return sum(max(span.end - span.start, 0) for span in self.spans)

    def to_json(self) -> dict[str, Any]:
        """The piece as plain data."""
        return {"spans": [span.to_json() for span in self.spans], "unsplit": self.unsplit}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Piece":
        """The piece that `to_json` gave."""
        spans = tuple(Span.from_json(span) for span in data["spans"])
        return cls(spans=spans, unsplit=data["unsplit"])


def list_inputs(inputs: Iterable[InputOptions], *, outside: str | None = None) -> list[InputFile]:
    """The files of all inputs, those of an input sorted by URL, no file twice.

    Those below the folder `outside`, a run's own output, are none of them.

    Raises:
        UsageError: a pattern names no file (the message says what is near), a file's format can't
            be told by its name, or two inputs name the same file.
    """
    files: dict[str, InputFile] = {}
    for entry in inputs:
        if not entry.paths:
            raise UsageError(
                f"inputs.{entry.name}.paths: got no path; name files, folders or globs there, "
                "or give --input"
            )
        found = {
            url: info
            for path in entry.paths
            for url, info in _matches(entry, path, outside).items()
        }
        for url in sorted(found):
            if url in files:
                raise UsageError(
                    f"inputs: {url} is in both {files[url].input!r} and {entry.name!r}; "
                    "a file belongs to one input"
                )
            files[url] = _input_file(entry, url, found[url])
    return list(files.values())


def _input_file(entry: InputOptions, url: str, info: FileInfo) -> InputFile:
    fields = Fields(
        text=entry.text_field,
        id=entry.id_field,
        url=entry.url_field,
        date=entry.date_field,
        lines=entry.lines,
    )
    if not is_text(url):
        raise UsageError(
            f"inputs.{entry.name}.paths: the name of file {url!r} isn't UTF-8, so the ledger "
            "couldn't hold it; rename it, or narrow the pattern"
        )
    given = {"auto": None, "wet": "warc"}.get(entry.format, entry.format)
    format_ = given or _format_of(entry, url)
    return InputFile(
        url=url,
        input=entry.name,
        format=format_,
        size=int(info["size"]),
        fields=fields,
        version=version_of(info),
    )


def _format_of(entry: InputOptions, url: str) -> str:
    name = url.rsplit("/", 1)[-1].lower()
    # The last ending that says something: crawls have names such as x.warc.gz.open.
    for ending in reversed(name.split(".")[1:]):
        if "." + ending in _FORMATS:
            return _FORMATS["." + ending]
    raise UsageError(
        f"inputs.{entry.name}.format: 'auto' can't tell the format of {url} by its name; "
        f"known endings are {', '.join(_FORMATS)} (and {', '.join(_COMPRESSED)} after them); "
        "set format to warc, wet, jsonl, parquet or text, or narrow the pattern"
    )


def _matches(entry: InputOptions, pattern: str, outside: str | None) -> dict[str, FileInfo]:
    """URL -> what storage says of it, of the files that a path, folder or glob names."""
    where = f"inputs.{entry.name}.paths"
    if not pattern:
        raise UsageError(f"{where}: got an empty path; name a file, a folder or a glob")
    fs, path = resolve(pattern)
    try:
        files = _listed(fs, path)
    except OSError as error:
        raise UsageError(f"{where}: can't list {pattern!r}: {error}") from error
    found = {_url(fs, name): info for name, info in files.items()}
    if outside is not None:
        found = {url: info for url, info in found.items() if not url.startswith(f"{outside}/")}
    if not found:
        raise UsageError(f"{where}: no file matches {pattern!r}{_near(fs, path)}")
    return found


def _listed(fs: Any, path: str) -> dict[str, FileInfo]:
    # One listing tells of all files; asking for each of a crawl's 90,000 would take an hour.
    if fs.isfile(path):
        return {path: fs.info(path)}
    found = fs.find(path, detail=True) if fs.isdir(path) else fs.glob(path, detail=True)
    return {
        str(name): info
        for name, info in found.items()
        if info["type"] == "file" and not _is_hidden(str(name))
    }


def _is_hidden(name: str) -> bool:
    """Whether a listed file isn't data: dot files, and what Hadoop and Spark leave beside it."""
    return name.rsplit("/", 1)[-1].startswith((".", "_"))


def _near(fs: Any, path: str) -> str:
    """What is there instead of the pattern's files, for the error message."""
    if fs.isdir(path):
        return "; that folder has no files of data"
    folder, _, name = path.rpartition("/")
    while folder and not fs.isdir(folder):
        folder, _, name = folder.rpartition("/")
    try:
        names = sorted(str(n).rstrip("/").rsplit("/", 1)[-1] for n in fs.ls(folder, detail=False))
    except OSError as error:
        return f"; {folder or '/'} can't be read: {reason(error)}"
    if not names:
        return f"; {folder or '/'} is empty"
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:3]
    return f"; in {folder or '/'} there are {len(names)} entries, such as {', '.join(near)}"


def _url(fs: Any, name: str) -> str:
    return name if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(name))


def plan_pieces(files: Sequence[InputFile], options: ReadOptions) -> list[Piece]:
    """Pieces with every byte of the files in one span of one of them, in a fixed order.

    Files of at most one and a half pieces stay whole and go together with their neighbours.
    """
    target = piece_size(sum(file.size for file in files), options)
    pieces: list[Piece] = []
    small: list[Span] = []
    held = 0
    for file in files:
        if file.size * 2 > target * 3:
            pieces.extend(_cut(file, target, options))
            continue
        if small and held + file.size > target:
            pieces.append(Piece(spans=tuple(small)))
            small, held = [], 0
        small.append(file.span())
        held += file.size
    return [*pieces, Piece(spans=tuple(small))] if small else pieces


def piece_size(total_bytes: int, options: ReadOptions) -> int:
    """Stored bytes that one piece is to have."""
    if options.piece_bytes != "auto":
        return options.piece_bytes
    return min(max(total_bytes // MOST_PIECES, MIN_PIECE_BYTES), MAX_PIECE_BYTES)


def _cut(file: InputFile, target: int, options: ReadOptions) -> list[Piece]:
    reason = unsplittable(file.span(), retries=options.io_retries)
    if reason is not None:
        return [Piece(spans=(file.span(),), unsplit=reason)]
    count = -(-file.size // target)
    bounds = [file.size * number // count for number in range(count + 1)]
    return [Piece(spans=(file.span(a, b),)) for a, b in itertools.pairwise(bounds)]
