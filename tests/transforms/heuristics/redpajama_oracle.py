"""RedPajama-v2's signals of a text in plain Python, from its definitions: slow, and of its own.

Names are RedPajama's, without `rps_`. Signals that it tells for each line are summed up here, as
counts of lines and of characters.
"""

import math
import re
import string
import unicodedata
from collections import Counter
from typing import Any

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BULLETS = tuple("\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013")
_DECIMALS = 8


def normalized(text: str) -> str:
    """Without ASCII punctuation, lower case, one blank between words, decomposed."""
    words = text.translate(_PUNCTUATION).lower().split()
    return unicodedata.normalize("NFD", " ".join(words))


def document_signals(text: str) -> dict[str, Any]:
    """The signals of the whole text; None where RedPajama has none."""
    raw, words = re.findall(r"\w+|[^\w\s]+", text), normalized(text).split()
    lines = text.split("\n") if text else []
    counts, content = Counter(words), normalized(text)
    signs = sum(text.count(sign) for sign in ("#", "...", "…"))
    letters = sum(any(c in string.ascii_letters for c in part) for part in raw)
    return {
        "doc_word_count": len(words),
        "doc_mean_word_length": _ratio(sum(map(len, words)), len(words)),
        "doc_frac_unique_words": _ratio(len(counts), len(words)),
        "doc_unigram_entropy": _entropy(counts) if words else None,
        "doc_symbol_to_word_ratio": _ratio(signs, len(raw)),
        "doc_frac_no_alph_words": _ratio(len(raw) - letters, len(raw)),
        "doc_frac_all_caps_words": _ratio(sum(map(str.isupper, raw)), len(raw)),
        "doc_num_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "doc_curly_bracket": _ratio(text.count("{") + text.count("}"), len(text)),
        "doc_lorem_ipsum": _ratio(content.count("lorem ipsum"), len(content)),
        "doc_frac_lines_end_with_ellipsis": _ratio(
            sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)
        ),
        **{f"doc_frac_chars_top_{n}gram": _top(words, n) for n in (2, 3, 4)},
        **{f"doc_frac_chars_dupe_{n}grams": _duplicates(words, n) for n in range(5, 11)},
        **_line_signals(text),
    }


def _line_signals(text: str) -> dict[str, int]:
    """What the signals of lines come to: a line's own end is a character of it."""
    raw = re.findall(r"[^\n]*\n|[^\n]+", text)
    folded = [normalized(line) for line in raw]
    upper = [sum(map(str.isupper, line)) for line in raw]
    numeric = [sum(map(str.isnumeric, line)) for line in folded]
    scripts = [line.split().count("javascript") for line in folded]
    return {
        "lines_ending_with_terminal_punctution_mark": sum(
            line.rstrip().endswith((".", "!", "?", "”")) for line in raw
        ),
        "lines_start_with_bulletpoint": sum(line.lstrip().startswith(_BULLETS) for line in raw),
        "lines_num_words": sum(len(line.split()) for line in folded),
        "lines_of_few_words": sum(0 < len(line.split()) < 5 for line in folded),
        "lines_uppercase_letters": sum(upper),
        "lines_mostly_uppercase": sum(
            n / len(line) > 0.5 for n, line in zip(upper, raw, strict=True)
        ),
        "lines_numerical_chars": sum(numeric),
        "lines_mostly_numerical": sum(
            n / len(line) > 0.5 for n, line in zip(numeric, folded, strict=True) if line
        ),
        "lines_javascript_counts": sum(scripts),
        "lines_with_javascript": sum(n > 0 for n in scripts),
    }


def _ratio(part: float, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(n / total * math.log(n / total) for n in counts.values())


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def _top(words: list[str], n: int) -> float:
    found = Counter(_grams(words, n)).most_common(1)
    if not found or found[0][1] < 2:
        return 0.0
    return round(sum(map(len, found[0][0])) * found[0][1] / sum(map(len, words)), _DECIMALS)


def _duplicates(words: list[str], n: int) -> float:
    grams = _grams(words, n)
    counts, covered = Counter(grams), set[int]()
    for at, gram in enumerate(grams):
        covered |= set(range(at, at + n)) if counts[gram] > 1 else set()
    characters = sum(map(len, words))
    found = sum(len(words[at]) for at in covered)
    return round(found / characters, _DECIMALS) if characters else 0.0
