"""The fast libraries strung together by hand, run by the interpreter of their own environment.

fastwarc, resiliparse, fastText, xxhash, rensa and SentencePiece in one loop over a folder of WARC
files: no ledger, no resume, no split, everything in memory. What a good afternoon's script does.
Prints one JSON object.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fasttext
import numpy as np
import rensa
import sentencepiece
import xxhash
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

WORDS = re.compile(r"\w+")


class Clock:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.process_time()

    def charge(self, step: str) -> None:
        now = time.process_time()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.last
        self.last = now


def pages(folder: str) -> Iterator[bytes]:
    for path in sorted(Path(folder).glob("*.warc.gz")):
        records = ArchiveIterator(
            str(path), record_types=WarcRecordType.response, parse_http=True, fsspec_args=False
        )
        for record in records:
            yield record.reader.read()


def extract(body: bytes) -> str:
    tree = HTMLTree.parse_from_bytes(body, detect_encoding(body) or "utf-8")
    return extract_plain_text(tree, main_content=True, alt_texts=False)


def shingles(text: str) -> list[str]:
    words = WORDS.findall(text.lower())
    return [" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))]


def curate(arguments: argparse.Namespace, clock: Clock) -> tuple[list[str], int]:
    """Texts kept by language and length, without exact duplicates, and the pages read."""
    model = fasttext.load_model(arguments.language_model)
    kept, seen, read = [], set(), 0
    for body in pages(arguments.input):
        read += 1
        clock.charge("read")
        text = extract(body)
        clock.charge("extract")
        # predict() of this release fails with NumPy 2; what it calls doesn't.
        model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        clock.charge("language")
        if len(text) < 150 or len(text.split()) < 30:
            continue
        digest = xxhash.xxh3_128_digest(text.encode())
        if digest not in seen:
            seen.add(digest)
            kept.append(text)
        clock.charge("exact")
    return kept, read


def near_duplicates_removed(texts: list[str], clock: Clock) -> list[str]:
    """The texts without near duplicates: 14 bands of 8 rows over 5-word shingles."""
    index = rensa.RMinHashLSH(threshold=0.8, num_perm=112, num_bands=14)
    kept = []
    for number, text in enumerate(texts):
        signature = rensa.RMinHash(num_perm=112, seed=42)
        signature.update(shingles(text))
        if not index.query(signature):
            kept.append(text)
        index.insert(number, signature)
        clock.charge("minhash")
    return kept


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--input", "--output", "--language-model", "--tokenizer"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    clock = Clock()
    texts, read = curate(arguments, clock)
    kept = near_duplicates_removed(texts, clock)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=arguments.tokenizer)
    ids = [np.array(tokenizer.encode(text, add_eos=True), dtype=np.uint16) for text in kept]
    tokens = np.concatenate(ids) if ids else np.empty(0, np.uint16)
    Path(arguments.output).mkdir(parents=True, exist_ok=True)
    tokens.tofile(Path(arguments.output) / "tokens.bin")
    clock.charge("tokenize")
    result = {"pages": read, "kept": len(kept), "tokens": len(tokens), "seconds": clock.seconds}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
