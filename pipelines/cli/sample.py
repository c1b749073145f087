"""`penstock sample`: a small crawl to try things on."""

from enum import StrEnum
from typing import Annotated

import typer


class SampleKind(StrEnum):
    """What the sample consists of."""

    TEXT = "text"


def sample(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write the sample into.")],
    kind: Annotated[SampleKind, typer.Option(help="What the records are.")] = SampleKind.TEXT,  # noqa: ARG001
) -> None:
    """Write a small crawl that Penstock makes itself, with its ground truth.

    The files are the same bytes on every machine.
    """
    from pipelines.sample import write_sample

    write_sample(folder)
    print(f"sample written to {folder}")
    print(f"next: penstock run quickstart --input '{folder}/*.warc.gz' --output OUT")
