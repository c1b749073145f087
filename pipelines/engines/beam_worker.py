"""One worker process of Beam's runner on this machine: Beam's own, but quiet, and never an orphan.

Left to itself, a worker whose run was killed waits two minutes for it, and may go on with a task
that the next run does, too.
"""

import logging
import sys

from pipelines.supervise import die_with


def main() -> None:
    """Work for the run whose process id is the argument, until Beam says so or the run is gone."""
    die_with(int(sys.argv[1]))
    logging.getLogger().addHandler(logging.NullHandler())
    from apache_beam.runners.worker.sdk_worker_main import main as work

    work(sys.argv[:1])


if __name__ == "__main__":
    main()
