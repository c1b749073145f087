"""What stays of texts when lines, or parts of lines, are taken out."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.heuristics.scan import Scan
from transforms.heuristics.scan_bytes import Lines, Words
from transforms.kernels import kernel


class Ranges(NamedTuple):
    """The bytes of each line that stay: from `begins` to `stops` but not `gaps` to `gap_ends`."""

    begins: NDArray[np.int64]
    stops: NDArray[np.int64]
    gaps: NDArray[np.int64]
    gap_ends: NDArray[np.int64]


def whole_lines(scan: Scan) -> Ranges:
    """All of each line but the blanks at its ends."""
    count = int(scan.lines.offsets[scan.rows.stop - scan.rows.start])
    ranges = Ranges(*(np.zeros(count, np.int64) for _ in Ranges._fields))
    _limit(scan.words, scan.lines, ranges.begins, ranges.stops)
    return ranges


def kept_text(scan: Scan, keep: NDArray[np.bool_], ranges: Ranges) -> pa.StringArray:
    """The scan's rows with the lines that `keep` tells, one `\\n` between two of them.

    Empty lines are kept between lines where `keep` says so, but a text has none at its ends.
    """
    rows = scan.rows.stop - scan.rows.start
    size = int((ranges.stops - ranges.begins + 1)[keep].sum())
    out, offsets = np.empty(size, np.uint8), np.zeros(rows + 1, np.int32)
    _write(scan.data, scan.lines.offsets, *ranges, keep, out, offsets)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(out))


@kernel
def _limit(words: Words, lines: Lines, begins: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
    for line in range(len(begins)):
        first, last = lines.words[line], lines.words[line + 1]
        if first < last:
            begins[line], stops[line] = words.starts[first], words.ends[last - 1]


@kernel
def _write(
    data: NDArray[np.uint8],
    line_offsets: NDArray[np.int64],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    gaps: NDArray[np.int64],
    gap_ends: NDArray[np.int64],
    keep: NDArray[np.bool_],
    out: NDArray[np.uint8],
    offsets: NDArray[np.int32],
) -> None:
    written = 0
    for row in range(len(offsets) - 1):
        begin, content = written, written
        for line in range(line_offsets[row], line_offsets[row + 1]):
            if not keep[line]:
                continue
            parts = (begins[line], min(gaps[line], stops[line]), gap_ends[line], stops[line])
            if gap_ends[line] == 0:
                parts = (begins[line], stops[line], stops[line], stops[line])
            for first, last in ((parts[0], parts[1]), (parts[2], parts[3])):
                if first < last:
                    out[written : written + last - first] = data[first:last]
                    written += last - first
                    content = written
            if content > begin:
                out[written] = 0x0A
                written += 1
        written = content
        offsets[row + 1] = written
