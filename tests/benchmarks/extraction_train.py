"""Train the classifier of `transforms.page`, and predict pages by one that never saw their sites.

The second forest learns from the first one's scores on pages that the first one wasn't trained on,
which is how it meets them later. Sites are dealt to folds by a hash of their names.

`python -m tests.benchmarks.extraction_train` writes the model's file, the same bytes each time
under the pinned versions of the teachers (`peers/extractors.txt`) as long as pages are cut alike;
its card (`transforms/models/blocks.md`) says what was cut otherwise when the shipped one was made.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.extraction_gold import Gold, load_gold
from tests.benchmarks.extraction_labels import Labels, label_page
from tests.benchmarks.extraction_peers import TEACHERS, crawl_bodies, peer_run
from transforms.charset import decode_text
from transforms.page.blocks import TEXT_END, TEXT_START, Blocks
from transforms.page.forest import SHIPPED, Forest, Judge, forest_scores, judge_json
from transforms.page.looks import block_looks
from transforms.page.main_text import block_context, read_page
from transforms.page.measure import block_features
from transforms.page.train_forest import ForestOptions, train_forest

FOLDS = 5
OPTIONS = ForestOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as the classifier sees it, features (features, blocks), and its labels."""

    url: str
    fold: int
    cut: Blocks
    features: NDArray[np.int32]
    looks: NDArray[np.int64]
    labels: Labels


def labelled_pages(data: Path, texts: Mapping[str, Mapping[str, str]]) -> tuple[list[Page], Gold]:
    """All pages of the crawl with labels, and the gold sets; `texts` are other tools', by URL."""
    bodies = crawl_bodies(data)
    gold = load_gold(data / "crawl", {url: body for url, (body, _) in bodies.items()})
    teachers = {tool: texts[tool] for tool in TEACHERS}
    return [_page(url, *body, gold, teachers) for url, body in bodies.items()], gold


def _page(
    url: str,
    body: bytes,
    charset: str | None,
    gold: Gold,
    teachers: Mapping[str, Mapping[str, str]],
) -> Page:
    text = decode_text(body, declared=charset, html=True)
    read = read_page(text.encode("utf-8", "replace"), maximum_tags=10**6, maximum_depth=1024)
    spans = read.cut.blocks[:, [TEXT_START, TEXT_END]].tolist()
    blocks = [read.cut.text[start:end].tobytes().decode() for start, end in spans]
    return Page(
        url=url,
        fold=int(hashlib.sha256(gold.sites[url].encode()).hexdigest(), 16) % FOLDS,
        cut=read.cut,
        features=block_features(*read),
        looks=block_looks(*read),
        labels=label_page(url, blocks, gold, teachers),
    )


def held_out_scores(pages: Sequence[Page]) -> dict[str, NDArray[np.int32]]:
    """Scores of each page's blocks by a classifier that saw no page of its site."""
    first = _cross(pages, [page.features for page in pages])
    return dict(
        zip([p.url for p in pages], _cross(pages, _with_context(pages, first)), strict=True)
    )


def train_judge(pages: Sequence[Page]) -> Judge:
    """The classifier, of all pages."""
    features = [page.features for page in pages]
    context = _with_context(pages, _cross(pages, features))
    return Judge(_train(pages, features), _train(pages, context))


def _with_context(
    pages: Sequence[Page], scores: Sequence[NDArray[np.int32]]
) -> list[NDArray[np.int32]]:
    return [
        block_context(page.features, page.cut, page.looks, own)
        for page, own in zip(pages, scores, strict=True)
    ]


def _cross(pages: Sequence[Page], features: Sequence[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
    """The scores of each page by the forest of the other folds."""
    forests = [_train(*_without(fold, pages, features)) for fold in range(FOLDS)]
    return [
        forest_scores(own, forests[page.fold]) for page, own in zip(pages, features, strict=True)
    ]


def _without(
    fold: int, pages: Sequence[Page], features: Sequence[NDArray[np.int32]]
) -> tuple[list[Page], list[NDArray[np.int32]]]:
    others = [number for number, page in enumerate(pages) if page.fold != fold]
    return [pages[number] for number in others], [features[number] for number in others]


def _train(pages: Sequence[Page], features: Sequence[NDArray[np.int32]]) -> Forest:
    return train_forest(
        np.concatenate(features, axis=1),
        np.concatenate([page.labels.labels for page in pages]),
        np.concatenate([page.labels.weights for page in pages]),
        OPTIONS,
    )


def main(arguments: list[str], data: Path) -> None:
    """Write the classifier."""
    parser = argparse.ArgumentParser(prog="extraction_train")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    teachers = {tool: peer_run(tool, data).texts for tool in TEACHERS}
    pages, _ = labelled_pages(data, teachers)
    options.output.write_text(judge_json(train_judge(pages)))
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    default = Path(__file__).parents[3] / "shared" / "data"
    main(sys.argv[1:], Path(os.environ.get("PENSTOCK_TEST_DATA", default)))
