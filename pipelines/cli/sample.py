"""`penstock sample`: a small crawl to try things on."""

import shlex
from enum import StrEnum
from typing import Annotated

import typer


class SampleKind(StrEnum):
    """What the sample consists of."""

    TEXT = "text"


def sample(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write the sample into.")],
    kind: Annotated[SampleKind, typer.Option(help="What the records are.")] = SampleKind.TEXT,  # noqa: ARG001
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Makes another crawl of the same kind.")
    ] = 0,
) -> None:
    """Write a small crawl that Penstock makes itself, with its ground truth.

    The files are the same bytes on every machine.
    """
    from pipelines.sample import write_sample
    from pipelines.sizes import format_size
    from pipelines.system_errors import writing

    with writing("sample:", folder):
        written = write_sample(folder, seed=seed)
    for name, number in sorted(written.records.items(), key=lambda item: (-item[1], item[0])):
        print(f"{number:>6,}  {name}")
    print(
        f"{sum(written.records.values()):>6,}  records in {len(written.languages)} languages, "
        f"{len(written.warc_files)} files, {format_size(written.num_bytes)}"
    )
    print(f"the truth about each: {written.truth_file}")
    pattern = shlex.quote(f"{folder.rstrip('/')}/*.warc.gz")
    print(f"next: penstock run quickstart --input {pattern} --output OUT")
