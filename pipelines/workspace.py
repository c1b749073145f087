"""Where a run works: whose output it is, whether it's finished, and what is removed at its end."""

import contextlib
import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import xxhash

from penstock import storage
from penstock.errors import UsageError
from penstock.manifest import manifest_url, read_manifest
from pipelines.lock import held
from pipelines.pieces import InputFile
from pipelines.recipe.model import TextRecipe, recipe_identity
from pipelines.system_errors import reason

READ_STAGE = "curate"
"""The stage that meets the records that can't be read."""


def absolute(url: str) -> str:
    """The URL, or the absolute path of a local one, so that every worker means the same file."""
    return storage.resolve(url)[1] if storage.is_local(url) else url


class Found(StrEnum):
    """What a run finds in its output, as the plan tells it."""

    NOTHING = "new"
    BEGUN = "begun before, would go on"
    FINISHED = "finished before, nothing to do"


class Workspace:
    """The output and work folders of one run."""

    def __init__(self, recipe: TextRecipe, files: Sequence[InputFile]) -> None:
        self.out = absolute(recipe.output)
        self.work = _work_folder(recipe, self.out)
        self.run_url = storage.join(self.out, "run.json")
        self._begun_url = storage.join(self.work, "begun.json")
        self._files = files
        self._recipe = recipe_identity(recipe)
        self._is_local = storage.is_local(self.work)

    @property
    def spill_folder(self) -> str | None:
        """Where tasks spill: beside the local work folder, else where the system puts such."""
        return self.work if self._is_local else None

    @property
    def moments_file(self) -> str | None:
        """The log of begun and committed tasks; only a local folder can be appended to."""
        return f"{self.work}/moments.jsonl" if self._is_local else None

    @property
    def inputs_digest(self) -> str:
        """Which files the run reads."""
        return inputs_digest(self._files)

    def is_finished(self) -> bool:
        """Whether the output has this run's dataset.

        Raises:
            UsageError: the output has another recipe's dataset, or one of other inputs.
        """
        if not storage.exists(manifest_url(self.out)):
            return False
        found = {
            "recipe": read_manifest(self.out).recipe,
            "inputs": self.last_run().get("inputs_digest"),
        }
        self._check_same(found, self._identity(), finished=True)
        return True

    def last_run(self) -> dict[str, Any]:
        """What run.json says; empty where there is none."""
        if not storage.exists(self.run_url):
            return {}
        run: dict[str, Any] = json.loads(storage.read_bytes(self.run_url))
        return run

    def look(self) -> Found:
        """What a run would find in the output; nothing is written.

        Raises:
            UsageError: the output is another run's, or holds files that no run has made.
        """
        if self.is_finished():
            return Found.FINISHED
        if storage.exists(self._begun_url):
            begun = json.loads(storage.read_bytes(self._begun_url))
            self._check_same(begun, self._begun(), finished=False)
            return Found.BEGUN
        self._check_empty()
        return Found.NOTHING

    def open(self) -> None:
        """Make the work folder this run's.

        Raises:
            UsageError: it is another run's, or the output holds files that no run has made.
        """
        if self.look() is not Found.BEGUN:
            self._begin()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A block in which no other run of this machine works in the open work folder.

        Raises:
            UsageError: another one does; the system frees the folder when that one's process ends.
        """
        own = held(self._begun_url) if self._is_local else contextlib.nullcontext(True)
        with own as is_own:
            if not is_own:
                raise UsageError(
                    f"output {self.out}: another run is at work there; wait until it has ended, "
                    "or stop it"
                )
            if storage.is_local(self.out):
                _remove_partial_files(self.out)
            yield

    def can_retry(self) -> bool:
        """Whether a finished run has records that failed.

        Raises:
            UsageError: the dataset has changed since its run.
        """
        manifest = read_manifest(self.out)
        if manifest.counts.failed and manifest.version > 1:
            raise UsageError(
                f"--retry-failed: the dataset in {self.out} is at version {manifest.version}, and "
                "making it anew would undo what came after its run; choose another output"
            )
        return bool(manifest.counts.failed)

    def forget_failed(self) -> None:
        """Have what failed read again: all of a finished run, or pieces of one that was begun.

        The work folder must be open: from here on the output's files are those of a begun run.
        """
        if self.is_finished():
            self._forget_dataset()
        else:
            self._forget_pieces()

    def _begin(self) -> None:
        try:
            storage.write_bytes(self._begun_url, json.dumps(self._begun()).encode())
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise UsageError(
                f"output {self.out}: can't write to {self.work} ({reason(error)}); "
                "check the folder and its permissions, or choose another output"
            ) from error

    def _forget_pieces(self) -> None:
        """Forget the pieces with failed records, and all that was made of what they gave."""
        files = storage.list_files(self.work)
        read = {url for url in files if self._stage_of(url) == READ_STAGE}
        markers = [url for url in sorted(read) if url.endswith(".done.json")]
        failed = [url for url in markers if b'"failed/' in storage.read_bytes(url)]
        made = [url for url in files if url not in read and self._stage_of(url)]
        for url in [*made, *failed] if failed else ():
            storage.remove_tree(url)
        self._forget_dataset()

    def _stage_of(self, url: str) -> str:
        """The stage whose folder, named stage-fingerprint, a file stands in; else empty."""
        folder = url.rsplit("/", 2)[-2]
        return "" if self.work.endswith(f"/{folder}") else folder.rpartition("-")[0]

    def _forget_dataset(self) -> None:
        for url in (manifest_url(self.out), storage.join(self.out, "manifests")):
            storage.remove_tree(url)

    def close(self) -> None:
        """Remove the work folder."""
        storage.remove_tree(self.work)

    def discard(self) -> None:
        """Remove what a run that came to nothing has left: its work folder, its output if empty."""
        self.close()
        if self._is_local and Path(self.out).is_dir() and not any(Path(self.out).iterdir()):
            Path(self.out).rmdir()

    def discard_unused(self) -> None:
        """Remove the work folder of a run in which no task was finished.

        It stays where nothing else says whose the files in the output are.
        """
        known = storage.exists(manifest_url(self.out)) or not self._files_in_output()
        if known and not any(u.endswith(".done.json") for u in storage.list_files(self.work)):
            self.discard()

    def _identity(self) -> dict[str, Any]:
        return {"recipe": self._recipe, "inputs": self.inputs_digest}

    def _begun(self) -> dict[str, Any]:
        """The identity of an unfinished run: its pieces are of the files as they are now."""
        versions = [file.version for file in self._files]
        digest = xxhash.xxh3_128_hexdigest(json.dumps(versions).encode())
        return {**self._identity(), "versions": digest}

    def _check_same(
        self, found: Mapping[str, Any], wanted: Mapping[str, Any], *, finished: bool
    ) -> None:
        for name in wanted:
            if found.get(name) == wanted[name]:
                continue
            whose = "holds a dataset" if finished else "holds an unfinished run"
            what = "of another recipe" if name == "recipe" else "from other input files"
            difference = (
                _difference(found.get(name), wanted[name])
                if name == "recipe" or not finished
                else self._other_files()
            )
            raise UsageError(
                f"output {self.out} {whose} {what}{difference}; "
                "choose another output, or remove the folder to begin anew"
            )

    def _other_files(self) -> str:
        """Which files were read there and aren't now, or the other way round, for the message."""
        there = {str(entry.get("url")) for entry in self.last_run().get("inputs", [])}
        here = {file.url for file in self._files}
        for files, where in ((there - here, "read there"), (here - there, "not read there")):
            if there and files:
                return f" ({min(files)} was {where})"
        return " (their sizes, or how they are read, differ)"

    def _files_in_output(self) -> list[str]:
        files = storage.list_files(self.out)
        return [url for url in files if not url.startswith(self.work + "/")]

    def _check_empty(self) -> None:
        foreign = self._files_in_output()
        if foreign == [self.out]:
            raise UsageError(f"output {self.out} is a file; choose a folder")
        if foreign:
            raise UsageError(
                f"output {self.out} holds files that aren't a dataset's, such as {foreign[0]}; "
                "choose a folder that is empty or not there yet"
            )


def inputs_digest(files: Sequence[InputFile]) -> str:
    """A digest of which files are read, by input, name and size, and of what in them is read."""
    rows = [asdict(replace(file, version="")) for file in files]
    return xxhash.xxh3_128_hexdigest(json.dumps(rows).encode())


def _work_folder(recipe: TextRecipe, out: str) -> str:
    """The run's own folder: in the output, or in a `work_dir` that may hold other things too."""
    if recipe.work_dir is None:
        return storage.join(out, ".work")
    own = f"penstock-{xxhash.xxh3_64_hexdigest(out.encode())}"
    return storage.join(absolute(recipe.work_dir), own)


def _difference(found: object, wanted: object, path: str = "") -> str:
    """The first key in which two recipes differ, for the message."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*found, *wanted}):
            if found.get(key) != wanted.get(key):
                return _difference(
                    found.get(key), wanted.get(key), f"{path}.{key}" if path else key
                )
    return f" ({path} is {found!r} there and {wanted!r} here)" if path else ""


def _remove_partial_files(folder: str) -> None:
    for path in Path(folder).rglob(f"*{storage.TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)
