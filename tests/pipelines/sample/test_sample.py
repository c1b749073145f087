"""The sample against readers and codecs that share no code with what made it."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from penstock.errors import UsageError
from pipelines.sample import sample_files, write_sample
from tests.golden.sample import GOLDEN, sample_digests

Rows = list[dict[str, Any]]
Files = dict[str, bytes]
COUNTS = {
    "article": 306, "exact_duplicate": 40, "near_duplicate": 50, "spam": 30, "boilerplate": 24,
    "short": 24, "pii": 24, "wrong_charset": 14, "truncated": 5, "broken": 3, "non_html": 15,
    "redirect": 10, "not_found": 10, "revisit": 8, "warcinfo": 3,
}  # fmt: skip
UNSPACED = ("ja", "zh")


def member(files: Files, truth: Rows, index: int) -> bytes:
    row = truth[index]
    later = truth[index + 1] if index + 1 < len(truth) else None
    end = later["offset"] if later and later["file"] == row["file"] else None
    return files[row["file"]][row["offset"] : end]


def http_body(row: dict[str, Any], message: bytes) -> bytes:
    """The body without its codings, taken apart by hand and by the gzip module."""
    body = message.partition(b"\r\n\r\n")[2]
    if "chunked" in row["transfer"]:
        parts = []
        while size := int(body[: body.index(b"\r\n")], 16):
            start = body.index(b"\r\n") + 2
            parts.append(body[start : start + size])
            body = body[start + size + 2 :]
        body = b"".join(parts)
    return gzip.decompress(body) if "gzip" in row["transfer"] else body


def shingles(row: dict[str, Any]) -> set[int]:
    text = " ".join(row["paragraphs"]).lower()
    units = list(text.replace(" ", "")) if row["language"] in UNSPACED else text.split()
    return {hash(tuple(units[i : i + 5])) for i in range(max(1, len(units) - 4))}


def jaccard(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b)


def test_the_same_bytes_everywhere() -> None:
    message = "the sample's bytes changed; if that is meant: python -m tests.golden.sample"
    assert sample_digests() == json.loads(GOLDEN.read_text("utf-8")), message


def test_the_same_bytes_under_another_hash_seed_locale_and_zone() -> None:
    code = (
        "from tests.golden.sample import sample_digests as d; import json; print(json.dumps(d()))"
    )
    setting = {"PYTHONHASHSEED": "7", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | setting,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == sample_digests()


def test_another_seed_makes_another_sample() -> None:
    assert sample_files(seed=1)["truth.jsonl"] != sample_files(seed=0)["truth.jsonl"]


def test_it_stays_small(files: Files) -> None:
    assert sum(len(data) for data in files.values()) < 10_000_000


def test_every_kind_is_there(truth: Rows) -> None:
    counts = Counter(row["kind"] for row in truth)
    assert counts.pop("request") == counts.pop("metadata") > 40
    assert counts == COUNTS
    assert {row["charset"] for row in truth} >= {
        "windows-1252", "iso-8859-15", "iso-8859-2", "windows-1250", "windows-1251", "koi8-r",
        "shift_jis", "euc-jp", "gb18030", "utf-8",
    }  # fmt: skip
    assert {row["transfer"] for row in truth} == {"plain", "chunked", "gzip", "gzip chunked"}
    languages = {row["language"] for row in truth if row["kind"] == "article"}
    assert len(languages) == 11


def test_fastwarc_finds_each_record_where_the_truth_says(files: Files, truth: Rows) -> None:
    for index, row in enumerate(truth):
        if row["kind"] == "broken":
            continue
        data = io.BytesIO(member(files, truth, index))
        found = 0
        for record in ArchiveIterator(data, parse_http=False):
            found += 1
            assert record.record_id == row["record_id"]
            assert record.record_type == getattr(WarcRecordType, row["warc_type"])
            assert record.headers.get("WARC-Target-URI") == row["url"]
            assert (record.headers.get("WARC-Truncated") == "length") == (
                row["kind"] == "truncated"
            )
            assert record.verify_block_digest()
        assert found == 1
    identities = [row["record_id"] for row in truth]
    assert len(set(identities)) == len(identities)


def test_files_without_their_broken_members_read_to_the_end(files: Files, truth: Rows) -> None:
    for name in sorted({row["file"] for row in truth}):
        mine = [i for i, row in enumerate(truth) if row["file"] == name]
        sound = [i for i in mine if truth[i]["kind"] != "broken"]
        data = io.BytesIO(b"".join(member(files, truth, i) for i in sound))
        records = list(ArchiveIterator(data, parse_http=False))
        assert len(records) == len(sound) == len(mine) - 1


def test_the_damage_is_where_the_truth_says(files: Files, truth: Rows) -> None:
    broken = [i for i, row in enumerate(truth) if row["kind"] == "broken"]
    for index in broken:
        with pytest.raises((EOFError, zlib.error)):
            gzip.decompress(member(files, truth, index))
    follow = [truth[i + 1]["file"] == truth[i]["file"] for i in broken[:2]]
    assert follow == [True, True]
    assert broken[2] == len(truth) - 1


def test_pages_say_in_their_charset_what_the_truth_says(files: Files, truth: Rows) -> None:
    for index, row in enumerate(truth):
        if row["warc_type"] != "response" or not row["paragraphs"]:
            continue
        [message] = [
            record.reader.read()
            for record in ArchiveIterator(io.BytesIO(member(files, truth, index)), parse_http=False)
        ]
        html = http_body(row, message).decode(row["charset"])
        text = re.sub(r"<[^>]*>", "", html)
        for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&#x27;", "'"), ("&amp;", "&")):
            text = text.replace(entity, letter)
        text = re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), text)
        assert all(paragraph in text for paragraph in row["paragraphs"]), row["url"]


def test_declared_charsets_are_wrong_where_they_are_meant_to_be(truth: Rows) -> None:
    for row in truth:
        if row["kind"] == "wrong_charset":
            said = "".join(row["paragraphs"]).encode(row["charset"], "xmlcharrefreplace")
            read = said.decode(row["declared_charset"], "replace")
            assert read != said.decode(row["charset"])
        elif row["declared_charset"] is not None:
            assert row["declared_charset"] == row["charset"]


def test_strangers_are_far_apart(truth: Rows) -> None:
    kinds = ("article", "pii", "truncated", "wrong_charset", "spam", "short")
    unique = [shingles(row) for row in truth if row["kind"] in kinds]
    holders: dict[int, list[int]] = {}
    for number, found in enumerate(unique):
        for shingle in found:
            holders.setdefault(shingle, []).append(number)
    meeting = {pair for numbers in holders.values() for pair in combinations(numbers, 2)}
    assert len(meeting) > 1000
    assert max(jaccard(unique[a], unique[b]) for a, b in meeting) < 0.3


def test_copies_are_close_and_name_their_cluster(truth: Rows) -> None:
    originals = {row["cluster"]: row for row in truth if row["kind"] == "article"}
    for row in truth:
        if row["kind"] == "near_duplicate":
            assert jaccard(shingles(row), shingles(originals[row["cluster"]])) >= 0.85
        if row["kind"] == "exact_duplicate":
            assert row["paragraphs"] == originals[row["cluster"]]["paragraphs"]
            assert row["url"] != originals[row["cluster"]]["url"]


def test_exact_copies_have_the_same_payload(files: Files, truth: Rows) -> None:
    digests: dict[str, set[str]] = {}
    for index, row in enumerate(truth):
        if row["kind"] in ("article", "exact_duplicate"):
            data = io.BytesIO(member(files, truth, index))
            for record in ArchiveIterator(data, parse_http=False):
                digest = record.headers["WARC-Payload-Digest"]
                digests.setdefault(row["cluster"], set()).add(digest)
    assert {len(found) for found in digests.values()} == {1}


def test_private_data_is_reserved_and_in_the_text(truth: Rows) -> None:
    private = [row for row in truth if row["kind"] == "pii"]
    for row in private:
        text = " ".join(row["paragraphs"])
        assert len(row["emails"]) == len(row["phones"]) == 2
        assert all(item in text for item in row["emails"] + row["phones"])
        assert all(email.endswith("@example.org") for email in row["emails"])
        assert re.search(r"\(\d{3}\) 555-01\d\d", row["phones"][0])
        assert row["phones"][1].startswith("020 7946 0")
    assert all(".example/" in row["url"] for row in truth if row["url"])


def test_writing_sums_up_and_can_be_repeated(tmp_path: Path, files: Files) -> None:
    directory = tmp_path / "crawl"
    first = write_sample(str(directory), seed=0)
    assert write_sample(str(directory), seed=0) == first
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == files
    assert first.records["article"] == COUNTS["article"]
    assert [Path(path).read_bytes() for path in first.warc_files] == [*files.values()][:-1]
    assert Path(first.truth_file).read_bytes() == files["truth.jsonl"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"holds 1 file\(s\) and no sample crawl"):
        write_sample(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
