"""What stays of texts when lines are taken out: the kept lines, without blanks at their ends."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.heuristics.scan import Scan
from transforms.kernels import kernel


def kept_text(scan: Scan, keep: NDArray[np.bool_]) -> pa.StringArray:
    """The scan's rows with the lines that `keep` tells, one `\\n` between two of them.

    Empty lines are kept between lines where `keep` says so, but a text has none at its ends.
    """
    rows = scan.rows.stop - scan.rows.start
    lines, words = scan.lines, scan.words
    size = int((lines.ends[: len(keep)] - lines.starts[: len(keep)] + 1)[keep].sum())
    out, offsets = np.empty(size, np.uint8), np.zeros(rows + 1, np.int64)
    fields = (lines.offsets, lines.words, words.starts, words.ends, keep)
    _write(scan.data, *fields, out, offsets)
    text = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(out))
    return text.cast(pa.string())


@kernel
def _write(
    data: NDArray[np.uint8],
    line_offsets: NDArray[np.int64],
    line_words: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    keep: NDArray[np.bool_],
    out: NDArray[np.uint8],
    offsets: NDArray[np.int64],
) -> None:
    written = 0
    for row in range(len(offsets) - 1):
        begin, content = written, written
        for line in range(line_offsets[row], line_offsets[row + 1]):
            if not keep[line]:
                continue
            first, last = line_words[line], line_words[line + 1]
            if first < last:
                size = ends[last - 1] - starts[first]
                out[written : written + size] = data[starts[first] : ends[last - 1]]
                written += size
                content = written
            if content > begin:
                out[written] = 0x0A
                written += 1
        written = content
        offsets[row + 1] = written
