"""Main text beside other tools on two gold sets: precision, recall, F1, pages per CPU-second.

The articles are counted in two manners: ours, and that of a public benchmark of articles, whose
own pages are not among them.

Penstock's classifier is trained on these pages, so each page is judged by one that saw no page of
its site (five folds). The other tools were written with some of these pages at hand and are
scored as they are. Intervals and the differences between tools resample sites, the same draws for
all tools.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.benchmarks.extraction_gold import (
    Gold,
    article_scores,
    article_table,
    share_scores,
    share_table,
    site_weights,
    string_scores,
    string_table,
)
from tests.benchmarks.extraction_peers import TOOLS, Extracted, crawl_bodies, peer_run
from tests.benchmarks.extraction_train import held_out_scores, labelled_pages
from tests.benchmarks.measure import machine, table
from tests.benchmarks.peers import version
from transforms.extract import extract_text
from transforms.extract_options import ExtractEngine, ExtractOptions
from transforms.page.main_text import blocks_text, main_blocks

OURS = "penstock"
_HEADER = ("", "precision", "recall", "F1 (95 %)", "F1 of penstock less this (95 %)", "pages/CPU-s")
_PACKAGES = {"readability": "readability-lxml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Precision, recall and F1 of each bootstrap round, the first being all pages, (rounds, 3)."""

    name: str
    values: NDArray[np.float64]


def compare(data: Path, *, rounds: int, tools: Sequence[str]) -> str:
    """A table for each gold set, and manner of counting."""
    peers = {tool: peer_run(tool, data) for tool in TOOLS}
    pages, gold = labelled_pages(data, {tool: peer.texts for tool, peer in peers.items()})
    scores = held_out_scores(pages)
    texts = {
        page.url: blocks_text(
            page.cut,
            main_blocks(page.cut, page.features, scores[page.url]),
            list_bullets=True,
        )
        for page in pages
    }
    own = {OURS: Extracted(texts=texts, cpu_s=own_cpu_s(data, ExtractEngine.PENSTOCK))}
    contenders = own | {_title(tool): peers[tool] for tool in tools}
    lines = [machine()]
    for title, score in _SCORES.items():
        found = [score(name, ran.texts, gold, rounds) for name, ran in contenders.items()]
        rows = [_row(one, found[0], contenders[one.name], len(pages)) for one in found]
        count = len(gold.strings if title == "strings" else gold.articles)
        lines += ["", f"{title}: {count} pages", "", table(_HEADER, rows)]
    return "\n".join(lines)


def own_cpu_s(data: Path, engine: ExtractEngine) -> float:
    """CPU seconds of all pages of the crawl through an engine, decoding included."""
    bodies = list(crawl_bodies(data).values())
    batch = pa.record_batch(
        {
            "content": pa.array([body for body, _ in bodies], pa.large_binary()),
            "media": pa.array(["html"] * len(bodies)),
            "charset": pa.array([charset for _, charset in bodies], pa.string()),
        }
    )
    options = ExtractOptions(engine=engine)
    extract_text(batch.slice(0, 1), options=options)
    started = time.process_time()
    extract_text(batch, options=options)
    return time.process_time() - started


def _title(tool: str) -> str:
    name, _, mode = tool.partition("_")
    return f"{name} {version('extractors', _PACKAGES.get(name, name))} {mode}".strip()


def _string_score(name: str, texts: Mapping[str, str], gold: Gold, rounds: int) -> Score:
    weights = site_weights(list(gold.strings), gold.sites, rounds)
    return Score(name=name, values=string_scores(string_table(texts, gold), weights))


def _article_score(name: str, texts: Mapping[str, str], gold: Gold, rounds: int) -> Score:
    weights = site_weights(list(gold.articles), gold.sites, rounds)
    return Score(name=name, values=article_scores(article_table(texts, gold), weights))


def _share_score(name: str, texts: Mapping[str, str], gold: Gold, rounds: int) -> Score:
    weights = site_weights(list(gold.articles), gold.sites, rounds)
    return Score(name=name, values=share_scores(share_table(texts, gold), weights))


_SCORES = {
    "strings": _string_score,
    "articles": _article_score,
    "articles, counted as in the public benchmark": _share_score,
}


def _row(own: Score, ours: Score, ran: Extracted, pages: int) -> tuple[str, ...]:
    precision, recall, f1 = own.values[0]
    difference = ours.values[:, 2] - own.values[:, 2]
    return (
        own.name,
        f"{precision:.3f}",
        f"{recall:.3f}",
        f"{f1:.4f} ({_interval(own.values[1:, 2])})",
        "" if own is ours else f"{difference[0]:+.4f} ({_interval(difference[1:], sign='+')})",
        f"{pages / ran.cpu_s:,.0f}",
    )


def _interval(values: NDArray[np.float64], sign: str = "") -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{low:{sign}.4f} to {high:{sign}.4f}"


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison over the crawl's 1,120 pages."""
    parser = argparse.ArgumentParser(prog="make bench: extraction")
    parser.add_argument("--rounds", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--tools", nargs="*", default=TOOLS, choices=TOOLS)
    options = parser.parse_args(arguments)
    print(compare(data, rounds=options.rounds, tools=options.tools), flush=True)
