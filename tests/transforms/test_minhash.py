import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from transforms.minhash import NO_BAND, MinHashOptions, band_hashes, signatures

OPTIONS = MinHashOptions()
SMALL = MinHashOptions(bands=3, rows=4, shingle_words=3)
WORDS = st.lists(st.sampled_from(["a", "b", "c", "Dd", "éÉ", "x9"]), max_size=12).map(" ".join)


def mix64(value: int, *steps: int) -> int:
    for shift, multiplier in zip(steps[::2], steps[1::2], strict=True):
        value = (value ^ (value >> shift)) * multiplier % 2**64
    return value


def hash_word(word: str) -> int:
    value = 0xCBF29CE484222325
    for character in word.lower():
        value = (value ^ ord(character)) * 0x9E3779B97F4A7C15 % 2**64
    return value ^ (value >> 32)


def signature_in_python(text: str, options: MinHashOptions, seed: int) -> list[int]:
    """The signature as its definition reads, for texts of space-separated words."""
    hashes = [hash_word(word) for word in text.split()]
    width = min(len(hashes), options.shingle_words)
    shingles = set()
    for i in range(len(hashes) - width + 1) if width else ():
        value = 0
        for hashed in hashes[i : i + width]:
            value = (value * 0xD6E8FEB86659FD93 + hashed) % 2**64
        value = mix64(value, 32, 0xBF58476D1CE4E5B9, 29, 0x94D049BB133111EB)
        shingles.add(value ^ (value >> 32))
    minima = []
    for p in range(options.bands * options.rows):
        drawn = mix64(
            (seed + (p + 1) * 0x9E3779B97F4A7C15) % 2**64,
            *(30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB),
        )
        drawn ^= drawn >> 31
        a, b = drawn >> 32 | 1, drawn % 2**32
        halves = {s % 2**32 if p % 2 else s >> 32 for s in shingles}
        minima.append(min(((a * half + b) % 2**32 for half in halves), default=2**32 - 1))
    return minima


@given(st.lists(WORDS, max_size=3), st.integers(-9, 2**70))
def test_signatures_agree_with_their_definition(texts: list[str], seed: int) -> None:
    found = signatures(pa.array(texts, pa.string()), options=SMALL, seed=seed)
    assert found.dtype == np.uint32
    assert found.shape == (len(texts), 12)
    assert found.tolist() == [signature_in_python(text, SMALL, seed) for text in texts]


@pytest.mark.parametrize("num_words", [1, 5, 2051, 2052, 2053, 5000])
def test_long_texts_agree_with_the_definition(num_words: int) -> None:
    text = " ".join(f"w{i * i % 4111}" for i in range(num_words))
    options = MinHashOptions(bands=1, rows=4)
    found = signatures(pa.array([text]), options=options, seed=1)
    assert found.tolist() == [signature_in_python(text, options, 1)]


@given(st.lists(st.none() | WORDS, max_size=6), st.integers(0, 6), st.booleans(), st.integers(0, 9))
def test_batch_boundaries_do_not_matter(
    texts: list[str | None], cut: int, large: bool, seed: int
) -> None:
    array = pa.array(texts, pa.large_string() if large else pa.string())
    whole = signatures(array, options=SMALL, seed=seed)
    parts = [signatures(array.slice(*at), options=SMALL, seed=seed) for at in ((0, cut), (cut,))]
    assert np.concatenate(parts).tolist() == whole.tolist()
    hashes = band_hashes(whole, options=SMALL)
    bands = [band_hashes(part, options=SMALL) for part in parts]
    assert np.concatenate(bands).tolist() == hashes.tolist()


def test_threads_at_once_do_not_matter() -> None:
    texts = pa.array([f"{i} the quick brown fox jumps over {i % 7}" * 9 for i in range(300)])

    def bands() -> list[list[int]]:
        found = signatures(texts, options=OPTIONS, seed=5)
        return list(band_hashes(found, options=OPTIONS).tolist())

    with ThreadPoolExecutor(4) as pool:
        results = [future.result() for future in [pool.submit(bands) for _ in range(8)]]
    assert all(result == bands() for result in results)


def test_order_and_repetition_of_shingles_do_not_matter_but_their_words_order_does() -> None:
    options = MinHashOptions(shingle_words=1)
    same = signatures(pa.array(["a b c", "C, a b a"]), options=options, seed=0)
    assert (same[0] == same[1]).all()
    other = signatures(pa.array(["a b c", "c b a"]), options=MinHashOptions(), seed=0)
    assert (other[0] != other[1]).all()


def test_texts_shorter_than_a_shingle_are_one_shingle() -> None:
    found = signatures(
        pa.array(["Just three words", "just three, words!", "three words"]), options=OPTIONS, seed=0
    )
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).all()


def test_texts_without_words_have_no_bands() -> None:
    found = signatures(pa.array(["", None, " ?! ", "word"]), options=OPTIONS, seed=0)
    hashes = band_hashes(found, options=OPTIONS)
    assert (found[:3] == 2**32 - 1).all()
    assert (hashes[:3] == NO_BAND).all()
    assert (hashes[3] != NO_BAND).all()


def test_bands_of_different_numbers_never_agree() -> None:
    constant = np.full((1, 112), 7, np.uint32)
    assert len(set(band_hashes(constant, options=OPTIONS)[0].tolist())) == 14


def test_equal_bands_are_equal_rows() -> None:
    base = np.arange(112, dtype=np.uint32).reshape(1, -1)
    changed = base.copy()
    changed[0, 19] += 1
    differs = band_hashes(base, options=OPTIONS) != band_hashes(changed, options=OPTIONS)
    assert np.flatnonzero(differs[0]).tolist() == [2]


def test_the_signature_is_the_same_on_every_machine() -> None:
    found = signatures(
        pa.array(["The quick brown fox jumps over the lazy dog"]), options=OPTIONS, seed=0
    )
    assert found[0, :3].tolist() == [427957963, 1285761846, 106634346]
    assert int(band_hashes(found, options=OPTIONS)[0, 13]) == 11265413209531811190


def test_options_and_shapes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 255"):
        MinHashOptions(bands=256)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        MinHashOptions(num_perm=128)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"got shape \(2, 100\), expected \(rows, 112\)"):
        band_hashes(np.zeros((2, 100), np.uint32), options=OPTIONS)


@pytest.fixture(scope="module")
def near_duplicates(shared_data: Path) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Pairs of real texts that differ, with the exact Jaccard similarity of their shingles."""
    with gzip.open(shared_data / "near_dup" / "mdn_raw_vs_rendered_500.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = [(plain_words(row["raw"]), plain_words(row["rendered"])) for row in rows]
    jaccard = np.array([exact_jaccard(left, right) for left, right in pairs])
    chosen = np.flatnonzero((jaccard > 0.02) & (jaccard < 0.98))
    lefts, rights = ([pairs[i][side] for i in chosen] for side in (0, 1))
    return lefts, rights, jaccard[chosen]


def plain_words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() and c.isascii() else " " for c in text).split())


def shingle_set(text: str) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + 5]) for i in range(max(len(words) - 4, 1))}


def exact_jaccard(left: str, right: str) -> float:
    a, b = shingle_set(left), shingle_set(right)
    return len(a & b) / len(a | b)


def agreement(
    pairs: tuple[list[str], list[str], NDArray[np.float64]], seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows and which bands of the pairs' signatures agree."""
    left, right = (signatures(pa.array(side), options=OPTIONS, seed=seed) for side in pairs[:2])
    bands = band_hashes(left, options=OPTIONS) == band_hashes(right, options=OPTIONS)
    return left == right, bands


def test_estimates_have_the_binomials_error(
    near_duplicates: tuple[list[str], list[str], NDArray[np.float64]],
) -> None:
    jaccard = near_duplicates[2]
    assert len(jaccard) > 300
    deviation = np.sqrt(jaccard * (1 - jaccard) / 112)
    scores = np.array(
        [(agreement(near_duplicates, seed)[0].mean(1) - jaccard) / deviation for seed in range(12)]
    )
    assert abs(scores.mean()) < 0.1
    assert 0.9 < scores.var() < 1.1
    assert np.abs(scores).max() < 6


def test_candidates_follow_the_s_curve(
    near_duplicates: tuple[list[str], list[str], NDArray[np.float64]],
) -> None:
    jaccard = near_duplicates[2]
    seeds = 40
    found = np.sum([agreement(near_duplicates, seed)[1].any(1) for seed in range(seeds)], axis=0)
    expected = np.array([OPTIONS.match_probability(value) for value in jaccard])
    for low, high in [(0.02, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.98)]:
        inside = (jaccard >= low) & (jaccard < high)
        variance = (expected[inside] * (1 - expected[inside])).sum() * seeds
        error = found[inside].sum() - expected[inside].sum() * seeds
        assert abs(error) <= 5 * np.sqrt(variance) + 1, (low, high)


@given(st.floats(0, 1))
def test_the_s_curve_counts_the_ways_to_agree(jaccard: float) -> None:
    options = MinHashOptions(bands=2, rows=1)
    assert options.match_probability(jaccard) == pytest.approx(2 * jaccard - jaccard**2)


def test_datasketch_would_choose_these_bands_at_065() -> None:
    from datasketch import MinHashLSH

    optimum = MinHashLSH(threshold=0.65, num_perm=112)
    assert (optimum.b, optimum.r) == (OPTIONS.bands, OPTIONS.rows)


def test_datasketch_estimates_alike_and_finds_the_same_candidates(
    near_duplicates: tuple[list[str], list[str], NDArray[np.float64]],
) -> None:
    from datasketch import MinHash, MinHashLSH

    lefts, rights, jaccard = near_duplicates
    theirs = [
        MinHash.bulk([[s.encode() for s in shingle_set(text)] for text in side], num_perm=112)
        for side in (lefts, rights)
    ]
    estimates = np.array([a.jaccard(b) for a, b in zip(*theirs, strict=True)])
    rows, bands = agreement(near_duplicates, seed=1)
    # Two estimates, each off by at most 0.047 in one deviation.
    assert np.abs(estimates - rows.mean(1)).mean() < 0.06
    index = MinHashLSH(num_perm=112, params=(OPTIONS.bands, OPTIONS.rows))
    for i, sketch in enumerate(theirs[0]):
        index.insert(i, sketch)
    found = np.array([i in index.query(sketch) for i, sketch in enumerate(theirs[1])])
    certain = (jaccard > 0.93) | (jaccard < 0.4)
    assert (found == bands.any(1))[certain].mean() > 0.98
    assert abs(int(found.sum()) - int(bands.any(1).sum())) < 0.1 * len(jaccard)
