"""One file for each engine: serial, Dask, Beam."""

from collections.abc import Sequence

from penstock.errors import UsageError
from pipelines.engines.base import Engine
from pipelines.task import Settings

ENGINES = ("dask", "beam", "serial")


def make_engine(
    name: str,
    *,
    settings: Settings,
    workers: int,
    address: str | None = None,
    beam_options: Sequence[str] = (),
) -> Engine:
    """The engine of a name, not yet entered; only its own packages are imported.

    Raises:
        UsageError: there is no such engine.
    """
    if name == "serial":
        from pipelines.engines.serial import SerialEngine

        return SerialEngine(settings=settings)
    if name == "dask":
        from pipelines.engines.dask import DaskEngine

        return DaskEngine(settings=settings, workers=workers, address=address)
    if name == "beam":
        from pipelines.engines.beam import BeamEngine

        return BeamEngine(settings=settings, workers=workers, options=beam_options)
    raise UsageError(f"engine is {name!r}; allowed: {', '.join(ENGINES)}")
