"""CPU seconds of dolma's taggers gopher_v2 and c4_v2 over texts, in its own environment.

Texts are JSON strings, one a line. Prints one JSON object.
"""

import json
import sys
import time

import nltk

# dolma looks for a tokenizer on import and would download it; these taggers don't use it.
nltk.download = lambda *_, **__: False

from dolma.core.data_types import Document  # noqa: E402
from dolma.taggers.c4 import FasterC4Tagger  # noqa: E402
from dolma.taggers.gopher import GopherTaggerV2  # noqa: E402


def main() -> None:
    with open(sys.argv[1]) as lines:
        documents = [Document(source="", id="0", text=json.loads(line)) for line in lines]
    taggers = [GopherTaggerV2(), FasterC4Tagger()]
    started = time.process_time()
    for document in documents:
        for tagger in taggers:
            tagger.predict(document)
    print(json.dumps({"cpu_s": time.process_time() - started, "kept": len(documents)}))


if __name__ == "__main__":
    main()
