"""datatrove's own values and verdicts for texts on stdin, one JSON string a line.

Run by the interpreter of datatrove's environment. Prints a JSON object for each text: the values
that its filters compare, made with its own functions, and what each filter says of the text.
"""

import json
import sys
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.gopher_quality_filter import STOP_WORDS
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION, split_into_words


def values(text: str, repetition: GopherRepetitionFilter) -> dict[str, int]:
    """The counts behind the ratios that Gopher's and FineWeb's filters compare."""
    words = split_into_words(text)
    plain = [word for word in words if any(c not in PUNCTUATION_SET for c in word)]
    lines = text.splitlines()
    full = [line for line in text.split("\n") if line.strip()]
    units = {
        "paragraph": repetition.paragraph_exp.split(text.strip()),
        "line": repetition._line_splitter.split(text),
    }
    found: dict[str, int] = {
        "characters": len(text),
        "english_tokens": len(words),
        "english_words": len(plain),
        "english_word_characters": sum(map(len, plain)),
        "english_alphabetic": sum(any(c.isalpha() for c in word) for word in words),
        "english_stop_words": len(set(STOP_WORDS) & set(words)),
        "number_signs": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "lines": len(lines),
        "bullet_lines_datatrove": sum(line.lstrip().startswith(("•", "-")) for line in lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines),
        "terminal_lines": sum(line.endswith(tuple(TERMINAL_PUNCTUATION)) for line in full),
        "short_lines": sum(len(line) <= 30 for line in full),
        "full_lines": len(full),
        "newlines": text.count("\n"),
        "all_line_characters": len(text.replace("\n", "")),
    }
    for unit, parts in units.items():
        found[f"{unit}_units"] = len(parts)
        found[f"again_{unit}s"], found[f"again_{unit}_characters"] = find_duplicates(parts)
    for n in (2, 3, 4):
        grams = get_n_grams(words, n)
        found[f"english_top_{n}gram_spaced"] = find_top_duplicate(grams) if grams else 0
    for n in range(5, 11):
        found[f"english_again_{n}gram"] = find_all_duplicate(words, n)
    return found


def verdict(filter_: Any, text: str) -> tuple[str, str]:
    """What the filter says of the text, `passes` or its reason, and the text that it leaves."""
    document = Document(text=text, id="0")
    try:
        answer = filter_.filter(document)
    except ZeroDivisionError:
        return "division by zero", text
    reason = "passes" if answer is True else answer[1]
    return reason, document.text


def main() -> None:
    repetition = GopherRepetitionFilter()
    filters = {
        "repetition": repetition,
        "quality": GopherQualityFilter(),
        "fineweb": FineWebQualityFilter(),
        "c4@datatrove": C4QualityFilter(),
        "c4@fineweb": C4QualityFilter(filter_no_terminal_punct=False),
    }
    for line in sys.stdin:
        text = json.loads(line)
        verdicts = {name: verdict(filter_, text) for name, filter_ in filters.items()}
        said = {name: reason for name, (reason, _) in verdicts.items()}
        left = {name: rest for name, (_, rest) in verdicts.items() if name.startswith("c4")}
        found = {"values": values(text, repetition), "verdicts": said, "texts": left}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
