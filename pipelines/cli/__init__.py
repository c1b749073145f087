"""The command `penstock`: one subcommand for each thing that people do with a dataset.

Commands import what they need when they run, so that the base install has a working `report`,
`verify`, `explain` and `recipe`, and `--help` answers at once.
"""

from pipelines.cli.main import app, main

__all__ = ["app", "main"]
