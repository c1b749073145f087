"""The crawl's two gold sets, and how an extractor's texts score on them.

*Strings*: 990 pages with strings that a main text must, and must not, contain, by trafilatura's
authors and counted as they do: a string that must be there and is, is a true positive.
*Articles*: 130 pages with the HTML that Mozilla's readability keeps, by its authors; a text's
shingles of four words are compared with the gold text's. Precision and recall are means over
pages; or, as the public benchmark of articles by Scrapinghub (github.com/scrapinghub/
article-extraction-benchmark) has it, of the sums of each page's shares of shingles that are
right, too many and missed.

Resampling for intervals draws sites, not pages: pages of one site share a template.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_CANONICAL = re.compile(
    rb"<(?:link|meta)[^>]{0,300}?(?:canonical|og:url)[^>]{0,300}?https?://([^/\"'>\s]+)", re.I
)
_SECOND_LEVEL = {"co", "com", "org", "net", "ac", "gov", "edu", "gv", "or"}
SHINGLE_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """What is known of the crawl's pages, by URL: strings, article texts, and each page's site."""

    strings: Mapping[str, Mapping[str, Sequence[str]]]
    articles: Mapping[str, str]
    sites: Mapping[str, str]


def load_gold(crawl: Path, bodies: Mapping[str, bytes]) -> Gold:
    """The gold sets of the pages whose bodies are given."""
    strings = {
        url.strip(): entry for url, entry in _json(crawl / "gold_trafilatura.json.gz").items()
    }
    html = _json(crawl / "gold_readability_html.json.gz")
    return Gold(
        strings=strings,
        articles={url: _plain(page) for url, page in html.items()},
        sites={url: site_of(url, body) for url, body in bodies.items()},
    )


def site_of(url: str, body: bytes) -> str:
    """The registered domain of a page; where its URL is made up, of the address that it names."""
    host = url.split("://")[-1].split("/")[0].split(":")[0].lower()
    if host.endswith(".example"):
        found = _CANONICAL.search(body)
        if not found:
            return url
        host = found.group(1).decode("latin-1").split(":")[0].lower()
    labels = host.split(".")
    kept = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 2
    return ".".join(labels[-kept:])


def string_counts(text: str, gold: Mapping[str, Sequence[str]]) -> tuple[int, int, int, int]:
    """True positives, false negatives, false positives, true negatives of a page."""
    plain = " ".join(text.split())
    found = [" ".join(string.split()) in plain for string in gold["with"]]
    wrong = [" ".join(string.split()) in plain for string in gold["without"]]
    return sum(found), len(found) - sum(found), sum(wrong), len(wrong) - sum(wrong)


def shingle_scores(text: str, gold: str) -> tuple[float, float]:
    """Precision and recall of a text's shingles, as multisets."""
    own, wanted = _shingles(text), _shingles(gold)
    common = (own & wanted).total()
    return (
        common / own.total() if own else float(not wanted),
        common / wanted.total() if wanted else 1.0,
    )


def shingle_shares(text: str, gold: str) -> tuple[float, float, float]:
    """Shares of the shingles of both texts: in both, in the text alone, in the gold text alone."""
    own, wanted = _shingles(text, lower=False), _shingles(gold, lower=False)
    counts = (own & wanted).total(), (own - wanted).total(), (wanted - own).total()
    right, wrong, missed = (count / max(sum(counts), 1) for count in counts)
    return right, wrong, missed


def _shingles(text: str, *, lower: bool = True) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower() if lower else text)
    last = max(len(words) - SHINGLE_WORDS + 1, 1 if words else 0)
    return Counter(tuple(words[at : at + SHINGLE_WORDS]) for at in range(last))


def string_table(texts: Mapping[str, str], gold: Gold) -> NDArray[np.float64]:
    """`string_counts` of all pages in the order of the gold set, (pages, 4)."""
    return np.array(
        [string_counts(texts[url], entry) for url, entry in gold.strings.items()], np.float64
    )


def article_table(texts: Mapping[str, str], gold: Gold) -> NDArray[np.float64]:
    """`shingle_scores` of all pages in the order of the gold set, (pages, 2)."""
    return np.array(
        [shingle_scores(texts[url], entry) for url, entry in gold.articles.items()], np.float64
    )


def share_table(texts: Mapping[str, str], gold: Gold) -> NDArray[np.float64]:
    """`shingle_shares` of all pages in the order of the gold set, (pages, 3)."""
    return np.array(
        [shingle_shares(texts[url], entry) for url, entry in gold.articles.items()], np.float64
    )


def string_scores(table: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall, F1 for each row of page weights, (rows, 3)."""
    right, missed, wrong, _ = (weights @ table).T
    return _scores(right / np.maximum(right + wrong, 1), right / np.maximum(right + missed, 1))


def article_scores(table: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall, F1 for each row of page weights, (rows, 3)."""
    precision, recall = (weights @ table).T / weights.sum(axis=1)
    return _scores(precision, recall)


def share_scores(table: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall, F1 for each row of page weights, (rows, 3)."""
    right, wrong, missed = (weights @ table).T
    return _scores(
        right / np.maximum(right + wrong, 1e-9), right / np.maximum(right + missed, 1e-9)
    )


def _scores(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return np.stack([precision, recall, f1], axis=1)


def site_weights(urls: Sequence[str], sites: Mapping[str, str], rounds: int) -> NDArray[np.float64]:
    """Page weights of bootstrap rounds that draw sites with replacement, (rounds + 1, pages).

    The first row is all pages once.
    """
    names, site = np.unique([sites[url] for url in urls], return_inverse=True)
    draws = np.random.default_rng(0).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=rounds
    )
    return np.concatenate([np.ones((1, len(urls))), draws[:, site].astype(np.float64)])


def _json(path: Path) -> dict[str, dict[str, list[str]]]:
    with gzip.open(path) as file:
        loaded: dict[str, dict[str, list[str]]] = json.load(file)
    return loaded


_INLINE = "a abbr b bdi cite code em font i kbd mark q s small span strong sub sup u"


class _Text(HTMLParser):
    """Text of well-formed HTML, each element on a line of its own unless it is inline."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")
        if tag not in _INLINE.split():
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")
        if tag not in _INLINE.split():
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def _plain(html: str | dict[str, list[str]]) -> str:
    parser = _Text()
    parser.feed(str(html))
    parser.close()
    return "".join(parser.parts)
