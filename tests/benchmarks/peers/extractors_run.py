"""Main texts of a folder's WARC pages by one tool, run by the interpreter of its own environment.

Every tool gets the body's bytes and finds out the encoding by its own means. Writes one JSON
object a page (url, text), then one with the CPU seconds that extraction took, reading left out.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

Extractor = Callable[[bytes], str | None]


def trafilatura(**options: bool) -> Extractor:
    from trafilatura import extract

    return lambda body: extract(body, include_comments=False, **options)


def resiliparse() -> Extractor:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    def extract(body: bytes) -> str:
        tree = HTMLTree.parse_from_bytes(body, detect_encoding(body) or "utf-8")
        return extract_plain_text(tree, main_content=True, alt_texts=False)

    return extract


def readability() -> Extractor:
    from lxml.html import fromstring
    from readability import Document
    from resiliparse.parse.encoding import detect_encoding

    def extract(body: bytes) -> str:
        page = body.decode(detect_encoding(body) or "utf-8", "replace")
        summary = Document(page).summary(html_partial=True)
        # Blocks of a tree's text_content would run together.
        for tag in ("</p>", "</div>", "</li>", "</td>", "<br/>", "</h2>", "</h3>", "</pre>"):
            summary = summary.replace(tag, tag + "\n")
        return str(fromstring(summary).text_content())

    return extract


def justext() -> Extractor:
    from justext import get_stoplist, get_stoplists
    from justext import justext as paragraphs

    # The language of a page isn't known to it: the union of all stop lists.
    words = frozenset().union(*map(get_stoplist, get_stoplists()))
    return lambda body: "\n".join(p.text for p in paragraphs(body, words) if not p.is_boilerplate)


TOOLS: dict[str, Callable[[], Extractor]] = {
    "trafilatura": trafilatura,
    "trafilatura_fast": lambda: trafilatura(fast=True),
    "trafilatura_precision": lambda: trafilatura(favor_precision=True),
    "trafilatura_recall": lambda: trafilatura(favor_recall=True),
    "resiliparse": resiliparse,
    "readability": readability,
    "justext": justext,
}


def pages(folder: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(Path(folder).glob("*.warc.gz")):
        records = ArchiveIterator(str(path), record_types=WarcRecordType.response, parse_http=True)
        for record in records:
            yield record.headers["WARC-Target-URI"].strip(), record.reader.read()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True)
    parser.add_argument("--tool", choices=TOOLS, required=True)
    arguments = parser.parse_args()
    extract, crawl = TOOLS[arguments.tool](), list(pages(arguments.input))
    extract(crawl[0][1])
    seconds, failed = 0.0, 0
    for url, body in crawl:
        started = time.process_time()
        try:
            text = extract(body)
        except Exception as error:
            # A page that breaks a tool gives it no text; the run says how many there were.
            failed += 1
            print(f"{url}: {error!r}", file=sys.stderr)
            text = ""
        seconds += time.process_time() - started
        json.dump({"url": url, "text": text or ""}, sys.stdout)
        print()
    print(json.dumps({"seconds": seconds, "pages": len(crawl), "failed": failed}))


if __name__ == "__main__":
    main()
