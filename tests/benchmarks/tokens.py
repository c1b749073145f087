"""Tokens per CPU-second: Penstock's batches beside each tokenizer's library alone.

"Alone" is the library's fastest way from a list of strings to ids in NumPy arrays or, where it has
none, lists; ours goes from an Arrow array to an Arrow array, with EOS after each document. One
thread; contenders take turns over the same documents, so a ratio is of runs side by side.
"""

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from tests.benchmarks.measure import machine, spread, table
from transforms.tokenizers import QUICKSTART, Tokenizer, TokenizerOptions, load_tokenizer

Alone = Callable[[list[str]], Sequence[Sequence[int]]]

FILES = {
    "shipped, SentencePiece unigram": QUICKSTART,
    "Mixtral, SentencePiece BPE": "mistral/tokenizer.model.v1",
    "cl100k, tiktoken": "tiktoken_canonical/cl100k_base.tiktoken.gz",
    "GPT-2, tokenizer.json": "gpt2/gpt2_tokenizer.json.gz",
    "Llama, tokenizer.json": "dolma_hf/llama-test-tokenizer.json.gz",
}
_DOCUMENT_SENTENCES = 12


def documents(data: Path, num_bytes: int) -> dict[str, list[str]]:
    """English reviews, and sentences of 75 languages by the dozen, of about so many bytes each."""
    with gzip.open(data / "text" / "imdb.jsonl.gz") as lines:
        reviews = [json.loads(line)["text"] for line in lines]
    with gzip.open(data / "langid" / "lingua.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    sentences = [row["text"] for row in rows if row["kind"] == "sentences"]
    groups = [" ".join(sentences[i : i + _DOCUMENT_SENTENCES])
              for i in range(0, len(sentences), _DOCUMENT_SENTENCES)]  # fmt: skip
    # Every k-th group, so that all languages are among them.
    step = max(1, sum(map(len, groups)) // num_bytes)
    return {"reviews": _first(reviews, num_bytes), "75 languages": groups[::step]}


def _first(texts: list[str], num_bytes: int) -> list[str]:
    chosen: list[str] = []
    for text in texts:
        if num_bytes <= 0:
            break
        chosen.append(text)
        num_bytes -= len(text)
    return chosen


def library_alone(path: Path | str, tokenizer: Tokenizer) -> Alone:
    """The library that made the file, called as directly as it can be."""
    if tokenizer.kind == "sentencepiece":
        from sentencepiece import SentencePieceProcessor

        file = "transforms/models/quickstart.model" if path == QUICKSTART else str(path)
        processor = SentencePieceProcessor(model_file=file)
        return lambda texts: processor.encode_as_numpy(texts, num_threads=1)
    if tokenizer.kind == "huggingface":
        from tokenizers import Tokenizer as HuggingFace

        theirs = HuggingFace.from_str(gzip.decompress(Path(path).read_bytes()).decode())
        return lambda texts: [
            theirs.encode_batch_fast([text], add_special_tokens=False)[0].ids for text in texts
        ]
    from tiktoken import Encoding

    from transforms.tokenizer_kinds import ENCODINGS

    lines = gzip.decompress(Path(path).read_bytes()).splitlines()
    known = ENCODINGS["cl100k_base"]
    core = Encoding(
        "cl100k_base",
        pat_str=known.pattern,
        mergeable_ranks=_ranks(lines),
        special_tokens=dict(known.special_tokens),
    )
    return lambda texts: [core.encode_to_numpy(text, disallowed_special=()) for text in texts]


def _ranks(lines: list[bytes]) -> dict[bytes, int]:
    import base64

    pairs = (line.split() for line in lines)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def compare(data: Path, *, rounds: int, num_bytes: int) -> str:
    """The table: each file on each set of documents."""
    rows = []
    sets = documents(data, num_bytes)
    for name, file in FILES.items():
        path = file if file == QUICKSTART else data / "tokenizers" / file
        tokenizer = load_tokenizer(TokenizerOptions(path=str(path)))
        alone = library_alone(path, tokenizer)
        for label, texts in sets.items():
            rows.append((name, label, tokenizer.engine, *_race(tokenizer, alone, texts, rounds)))
    header = ("file", "documents", "engine", "alone, M/s", "ours, M/s", "ours / alone")
    return "\n".join([machine(), "", table(header, rows)])


def _race(
    tokenizer: Tokenizer, alone: Alone, texts: list[str], rounds: int
) -> tuple[str, str, str]:
    """Million tokens per CPU-second of both, and the ratio of each round; checks the ids once."""
    array = pa.array(texts, pa.large_string())
    eos = tokenizer.special_ids["eos"]
    found = tokenizer.encode(array)
    wanted = [[*map(int, row), eos] for row in alone(texts)]
    if found.to_pylist() != wanted:
        raise AssertionError("the ids aren't the library's")
    total = sum(map(len, wanted)) - len(wanted)
    # Lists of a million numbers would be looked through by the collector in the runs below.
    del found, wanted
    theirs, ours = [], []
    for _ in range(rounds):
        # A string keeps the UTF-8 that was once made of it: each round has strings of its own.
        fresh = array.to_pylist()
        theirs.append(total / _cpu_s(alone, fresh) / 1e6)
        ours.append(total / _cpu_s(tokenizer.encode, array) / 1e6)
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return spread(theirs, 2), spread(ours, 2), f"{statistics.median(ratios):.2f}"


def _cpu_s(work: Callable[..., object], argument: object) -> float:
    started = time.process_time()
    work(argument)
    return time.process_time() - started


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="make bench: tokens")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=2.0)
    options = parser.parse_args(arguments)
    print(compare(data, rounds=options.rounds, num_bytes=int(options.megabytes * 1e6)), flush=True)
