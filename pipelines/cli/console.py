"""Standard output: folded to the width of a terminal, whole lines where a program reads it.

A table that is cut to 80 columns can't be searched for a URL, so away from a terminal there is no
width, and no blanks behind the last column.
"""

import sys

from rich.console import Console, RenderableType

_NO_WIDTH = 1_000_000


def show(*what: RenderableType, for_copying: bool = False) -> None:
    """Print one thing after another; what is for copying isn't broken into lines by us."""
    if sys.stdout.isatty():
        console = Console(highlight=False)
        for one in what:
            console.print(one, soft_wrap=for_copying, markup=False)
        return
    # With a height too, or Rich takes a dumb terminal for 80 columns wide in any case.
    wide = Console(highlight=False, width=_NO_WIDTH, height=1)
    with wide.capture() as lines:
        for one in what:
            wide.print(one, markup=False)
    for line in lines.get().splitlines():
        print(line.rstrip())
