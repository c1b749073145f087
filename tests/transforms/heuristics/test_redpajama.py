"""RedPajama-v2's signals beside plain Python of their definitions, on made and on real texts."""

import gzip
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.heuristics import texts
from tests.transforms.heuristics.redpajama_oracle import document_signals
from transforms.heuristics.columns import COUNTS
from transforms.heuristics.families import Family
from transforms.heuristics.measure import heuristic_signals
from transforms.normalize import NormalizeOptions, normalize_text

_FAMILIES = {Family.FOLDED, Family.FOLDED_REPEATS, Family.PARTS, Family.LINE_LETTERS, Family.LINES}
COLUMNS = [count for count in COUNTS.values() if count.family in _FAMILIES]
RATIOS = {
    "doc_mean_word_length": ("folded_characters", "folded_words"),
    "doc_frac_unique_words": ("folded_distinct", "folded_words"),
    "doc_symbol_to_word_ratio": ("hashes_and_ellipses", "word_parts"),
    "doc_frac_no_alph_words": ("parts_without_letter", "word_parts"),
    "doc_frac_all_caps_words": ("parts_in_capitals", "word_parts"),
    "doc_lorem_ipsum": ("lorem_ipsum", "folded_joined"),
    "doc_frac_lines_end_with_ellipsis": ("ellipsis_lines", "lines"),
    **{
        f"doc_frac_chars_top_{n}gram": (f"folded_top_{n}gram", "folded_characters")
        for n in (2, 3, 4)
    },
    **{
        f"doc_frac_chars_dupe_{n}grams": (f"folded_repeated_{n}gram", "folded_characters")
        for n in range(5, 11)
    },
}
NUMBERS = {
    "doc_word_count": "folded_words",
    "doc_num_sentences": "stop_sentences",
    "lines_ending_with_terminal_punctution_mark": "terminal_lines_redpajama",
    "lines_start_with_bulletpoint": "bullet_lines_redpajama",
    "lines_num_words": "folded_words",
    "lines_of_few_words": "lines_below_five_words",
    "lines_uppercase_letters": "uppercase_characters",
    "lines_mostly_uppercase": "uppercase_lines",
    "lines_numerical_chars": "folded_numeric",
    "lines_mostly_numerical": "numeric_lines",
    "lines_javascript_counts": "javascript_words",
    "lines_with_javascript": "javascript_lines",
}
EACH = 12
ODD = (
    "ΚΑΙ ΣΟΦΟΣ ΟΔΟΣ. Σ ΑΣ' ΑΣ'Β Σ\u0301 ΑΣ\u0301Α ΑΣ\u00b7",
    "İstanbul ISPARTA ǅungla Ǆ ⒶⒷ Ⅷ ⅷ ½ 一二三 ৩৪",
    "한국어 문장입니다. 각각 éàü ĄÇ ẖ ﬁn ß ẞ",
    "Lorem Ipsum, lo-rem 'ipsum' xlorem ipsumy lorem\n\nipsum loremi psum lorem -- ipsum",
    "JavaScript java-script! javascripts\nJAVASCRIPT {} { } {{ #1 .... … ... ..",
    "12 34\n5 a\n6.7.8.9\nABC\nAbC\nAB\n• x\n\u2013 y\n * z\nsaid ”\nso?!\n.\n...",
    "a.b!c?? d ... e\n_!_ -- ! ?? ! x",
)


def check(found: list[str]) -> None:
    rows = heuristic_signals(pa.array(found, pa.string()), COLUMNS).signals.to_pylist()
    for text, row in zip(found, rows, strict=True):
        said = document_signals(text)
        for name, (part, whole) in RATIOS.items():
            ours = round(row[part] / row[whole], 8) if row[whole] else said[name]
            assert ours == said[name], (name, text)
        for name, column in NUMBERS.items():
            assert row[column] == said[name], (name, text)
        entropy = said["doc_unigram_entropy"] or 0.0
        assert row["folded_entropy"] == pytest.approx(entropy, abs=0.6e-4), text
        brackets = round(row["curly_brackets"] / len(text), 8) if text else None
        assert brackets == said["doc_curly_bracket"], text


def normalized(found: list[str]) -> list[str]:
    rows: list[str] = normalize_text(pa.array(found), options=NormalizeOptions()).to_pylist()
    return rows


def test_texts_of_our_own_and_odd_ones() -> None:
    check([*texts(), *normalized(list(ODD))])


@settings(max_examples=150)
@given(st.text(), st.text(alphabet="aAbΣσ'.!? \n1½{}#…_éİǅ\u0301\u0345-", max_size=40))
def test_any_text(one: str, other: str) -> None:
    check(normalized([one, other]))


def test_real_texts(shared_data: Path) -> None:
    folder = shared_data / "text"
    found: list[str] = []
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            rows = [json.loads(line) for line, _ in zip(lines, range(EACH), strict=False)]
        found += [(row.get("text") or "").replace("<br />", "\n")[:8_000] for row in rows]
    for name in ("text/progit_many_languages.tar.gz", "adversarial/blns.tar.gz"):
        with tarfile.open(shared_data / name) as members:
            for member in members:
                content = members.extractfile(member)
                if content is not None:
                    found.append(content.read(8_000).decode("utf-8", "replace"))
    with gzip.open(shared_data / "langid/lingua.jsonl.gz") as lines:
        sentences = [row for row in map(json.loads, lines) if row["kind"] == "sentences"]
    for language in sorted({row["lang"] for row in sentences}):
        of_language = [row["text"] for row in sentences if row["lang"] == language]
        found.append("\n".join(of_language[:EACH]))
    check([text for text in normalized(found) if text])
