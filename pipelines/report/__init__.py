"""OUT/report.html: what came in, what was kept, why the rest wasn't; one file that works offline.

It is made from the files of OUT alone, so it can be written anew at any time and for any run, with
the base install. It holds no script and loads nothing; text from pages is escaped by construction
(`pipelines.report.html`) and a content security policy forbids whatever isn't in the file.
"""

from penstock import storage
from pipelines.report.facts import Facts, gather
from pipelines.report.page import render

__all__ = ["Facts", "gather", "write_page", "write_report"]


def write_report(out: str) -> str:
    """The URL of the report, written anew from the run's output at the URL.

    Raises:
        UsageError: there is no run's output there.
    """
    return write_page(gather(out))


def write_page(facts: Facts) -> str:
    """The URL of the report that says these facts, beside the data that they are about.

    A report that says them already isn't written again: a finished run changes nothing.
    """
    url = storage.join(facts.out, "report.html")
    page = render(facts).encode()
    if not storage.exists(url) or storage.read_bytes(url) != page:
        storage.write_bytes(url, page)
    return url
