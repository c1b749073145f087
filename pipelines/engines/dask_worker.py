"""What a worker of the embedded cluster needs, imported once: by the process they are forked from.

Their pages of code and tables are shared, and no worker waits for an import.
"""

from importlib import import_module

from pipelines.start import lasting_imports

with lasting_imports():
    for name in ("distributed.nanny", "distributed.worker", "pipelines.text.plan"):
        import_module(name)
