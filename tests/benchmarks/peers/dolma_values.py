"""dolma's own values for texts on stdin, one JSON string a line: its taggers gopher_v2 and c4_v2.

Run by the interpreter of dolma's environment. Prints a JSON object for each text: the score of each
attribute, and how many spans each attribute without a score has.
"""

import json
import sys
from collections import Counter

import nltk

# dolma looks for a tokenizer on import and would download it; these taggers don't use it.
nltk.download = lambda *_, **__: False

from dolma.core.data_types import DocResult, Document  # noqa: E402
from dolma.taggers.c4 import FasterC4Tagger  # noqa: E402
from dolma.taggers.gopher import GopherTaggerV2  # noqa: E402


def scores(result: DocResult) -> dict[str, float]:
    """Attributes by name: those of the whole document have a score, others are counted."""
    counts = Counter(span.type for span in result.spans)
    whole = {span.type: span.score for span in result.spans if counts[span.type] == 1}
    lines = [name for name in counts if name.startswith(("lines_", "has_"))]
    return {**whole, **{name: counts[name] for name in lines}}


def main() -> None:
    gopher, c4 = GopherTaggerV2(), FasterC4Tagger()
    for line in sys.stdin:
        document = Document(source="", id="0", text=json.loads(line))
        found = {"gopher": scores(gopher.predict(document)), "c4": scores(c4.predict(document))}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
