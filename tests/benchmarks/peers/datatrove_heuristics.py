"""CPU seconds of datatrove's filters over texts, a JSON string a line, in its own environment.

Gopher repetition and quality, C4 as FineWeb has it, FineWeb, one after the other; a text that one
of them drops doesn't come to the next, as in its pipelines. Prints one JSON object.
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

_WARM_UP = 20


def main() -> None:
    with open(sys.argv[1]) as lines:
        texts = [json.loads(line) for line in lines]
    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]

    def passes(text: str) -> bool:
        document = Document(text=text, id="0")
        return all(filter_.filter(document) is True for filter_ in filters)

    for text in texts[:_WARM_UP]:
        passes(text + " ")
    started = time.process_time()
    kept = sum(map(passes, texts))
    print(json.dumps({"cpu_s": time.process_time() - started, "kept": kept}))


if __name__ == "__main__":
    main()
