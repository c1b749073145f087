import gzip
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.extract import extract_text
from transforms.extract_options import ExtractEngine, ExtractOptions

STANDARD = ExtractOptions()
RESILIPARSE = ExtractOptions(engine=ExtractEngine.RESILIPARSE)
ARTICLE = "Water that falls turns a wheel, and the wheel turns a stone that grinds the corn. " * 4
PAGE = f"""<html><head><title>Mills</title><style>p {{ color: red }}</style></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<main><h1>How a mill works</h1><p>{ARTICLE}</p><ul><li>wheel</li><li>stone</li></ul>
<script>track("visitor")</script></main>
<footer>Imprint and cookies</footer></body></html>"""


def records(
    *contents: bytes | None, media: str = "html", charset: str | None = None
) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "content": pa.array(contents, pa.large_binary()),
            "media": pa.array([media] * len(contents), pa.string()),
            "charset": pa.array([charset] * len(contents), pa.string()),
        }
    )


def extract(
    content: str | bytes, *, media: str = "html", options: ExtractOptions = STANDARD
) -> tuple[str | None, str | None]:
    body = content.encode() if isinstance(content, str) else content
    text, error = extract_text(records(body, media=media), options=options)
    text.validate(full=True)
    return text[0].as_py(), error[0].as_py()


@pytest.mark.parametrize("options", [STANDARD, RESILIPARSE], ids=lambda options: options.engine)
def test_the_article_is_kept_and_the_furniture_is_not(options: ExtractOptions) -> None:
    text, error = extract(PAGE, options=options)
    assert error is None
    assert text is not None
    assert ARTICLE.strip() in text
    assert "How a mill works" in text
    for furniture in ("About us", "track", "color", "Imprint"):
        assert furniture not in text


def test_all_visible_text_is_an_option() -> None:
    options = ExtractOptions(main_content=False)
    text, _ = extract_text(records(PAGE.encode()), options=options)
    assert "About us" in text[0].as_py()


def test_long_lines_are_taken_where_the_rules_find_no_main_text() -> None:
    page = f'<body><div class="modal popup"><p>{ARTICLE}</p><p>Share</p></div></body>'
    text, _ = extract(page, options=RESILIPARSE)
    assert text == ARTICLE.strip()
    page = '<body><div class="modal popup"><p>Short</p></div></body>'
    assert extract(page, options=RESILIPARSE) == ("", None)


@pytest.mark.parametrize("media", ["html", "text"])
def test_what_cannot_be_decoded_for_the_most_part_is_no_text(media: str) -> None:
    noise = Random(5).randbytes(4_000).replace(b"<", b"")
    text, error = extract_text(records(noise, media=media), options=STANDARD)
    assert text[0].as_py() is None
    assert str(error[0]).startswith("not_text: ")
    some = ("Größe, " * 90).encode() + b"\xff " * 16
    assert extract_text(records(some, media=media), options=STANDARD)[1][0].as_py() is None


def test_plain_text_is_decoded_only() -> None:
    assert extract("<b>5 < 6</b>\r\n", media="text") == ("<b>5 < 6</b>\r\n", None)
    batch = records("Größe".encode("latin-1"), media="text", charset="iso-8859-1")
    assert extract_text(batch, options=STANDARD)[0].to_pylist() == ["Größe"]


def test_a_record_without_content_has_neither_text_nor_error() -> None:
    text, error = extract_text(records(None, b"<p>x", None), options=STANDARD)
    assert [row is None for row in text.to_pylist()] == [True, False, True]
    assert error.null_count == 3


def test_an_empty_page_has_an_empty_text() -> None:
    assert extract("") == ("", None)
    assert extract("<html><body><script>x</script></body></html>") == ("", None)


def test_no_rows_is_no_special_case() -> None:
    text, error = extract_text(records(), options=STANDARD)
    assert (text.type, len(text), error.type, len(error)) == (pa.string(), 0, pa.string(), 0)


COSTLY = {
    "too_deep: elements are nested more than 256 deep": "<div>" * 10_000 + "x" + "</div>" * 10_000,
    "too_many_tags: 800,000, 100,000 are read": "<option><optgroup>" * 400_000,
}
COSTLY_TREES = COSTLY | {
    "too_many_attributes: 100,000 in one tag, 1,000 are read": (
        "<p " + " ".join(f"a{number}" for number in range(100_000)) + ">"
    ),
    "too_many_unclosed: formatting elements that a tree would repeat": "".join(
        f"<b a={number}><p>x" for number in range(3_000)
    ),
}


@pytest.mark.parametrize("error", COSTLY)
def test_markup_beyond_what_a_recipe_reads_is_refused(error: str) -> None:
    assert extract(COSTLY[error]) == (None, error)


@pytest.mark.parametrize("error", COSTLY_TREES)
def test_markup_whose_tree_would_take_hours_or_gigabytes_is_refused(error: str) -> None:
    assert extract(COSTLY_TREES[error], options=RESILIPARSE) == (None, error)


@pytest.mark.parametrize("error", COSTLY_TREES.keys() - COSTLY.keys())
def test_what_is_costly_for_trees_only_is_read_without_one(error: str) -> None:
    text, failure = extract(COSTLY_TREES[error])
    assert failure is None
    assert text is not None


ODD = {
    "one line": "a" * 8_000_000,
    "words": "a " * 4_000_000,
    "blanks": "<pre>" + "\n" * 8_000_000,
    "angle brackets": "<" * 8_000_000,
    "open comments": "<!--" * 2_000_000,
    "entities": "<p>" + "&#xd800;&#0;&amp;&nosuch;" * 100_000,
    "long class": '<p class="' + "a " * 2_000_000 + '">x',
    "NUL": "<p>a\0b\0</p>" * 10_000,
    "open fonts": "<p><font>" * 40_000 + "x",
    "open links": "<a><b>" * 3_000 + "x",
    "misnested": "<b></i>" * 3_000 + "x",
    "tables in tables": "<table><tr><td>" * 2_500 + "x",
    "frames": "<frameset><frame>" * 1_000,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pages_are_read(name: str) -> None:
    text, error = extract(ODD[name])
    assert error is None
    assert text is not None


def test_lone_surrogates_do_not_survive() -> None:
    text, error = extract(b"<p>a\xed\xa0\x80b &#xd800; &#55357;c</p>")
    assert error is None
    assert text is not None
    text.encode()


CONTENT = st.binary(max_size=60) | st.text(
    st.sampled_from("<>/!-='\"ab &#x;\n\0pé"), max_size=60
).map(str.encode)


@settings(max_examples=60)
@given(contents=st.lists(st.none() | CONTENT, max_size=6), cut=st.integers(0, 6))
def test_batch_boundaries_do_not_matter(contents: list[bytes | None], cut: int) -> None:
    batch = records(*contents)
    whole = extract_text(batch, options=STANDARD)
    parts = [
        extract_text(part, options=STANDARD) for part in (batch.slice(0, cut), batch.slice(cut))
    ]
    assert pa.concat_arrays([part[0] for part in parts]).equals(whole[0])
    assert pa.concat_arrays([part[1] for part in parts]).equals(whole[1])
    assert whole[1].null_count == len(contents)


def members(archive: Path, ending: str) -> Iterator[bytes]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(ending):
                file = tar.extractfile(member)
                assert file is not None
                yield file.read()


def html5lib_pages(archive: Path) -> list[bytes]:
    """The inputs of html5lib's tree construction, tokenizer and encoding tests."""
    pages = [
        case.partition(b"\n#")[0]
        for file in members(archive, ".dat")
        for case in file.split(b"#data\n")
    ]
    for file in members(archive, ".test"):
        pages += [
            test["input"].encode("utf-8", "surrogatepass")
            for test in json.loads(file).get("tests", [])
            if isinstance(test["input"], str)
        ]
    return pages


def test_no_page_of_html5lib_fails(shared_data: Path) -> None:
    pages = html5lib_pages(shared_data / "adversarial" / "html5lib-tests.tar.gz")
    assert len(pages) > 5_000
    text, error = extract_text(records(*pages), options=STANDARD)
    text.validate(full=True)
    assert error.null_count == len(pages)


@pytest.mark.parametrize("media", ["html", "text"])
def test_no_naughty_string_fails(shared_data: Path, media: str) -> None:
    (file,) = members(shared_data / "adversarial" / "blns.tar.gz", "/blns.json")
    strings = json.loads(file)
    batch = records(*(string.encode() for string in strings), media=media)
    text, error = extract_text(batch, options=STANDARD)
    assert error.null_count == len(strings)
    if media == "text":
        assert text.to_pylist() == [string.removeprefix("\ufeff") for string in strings]


@pytest.fixture(scope="module")
def crawl(shared_data: Path) -> dict[str, bytes]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    pages = {}
    for path in sorted((shared_data / "crawl").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                pages[record.headers["WARC-Target-URI"]] = record.reader.read()
    return pages


@pytest.fixture(scope="module")
def gold(shared_data: Path) -> dict[str, dict[str, list[str]]]:
    with gzip.open(shared_data / "crawl" / "gold_trafilatura.json.gz") as file:
        strings: dict[str, dict[str, list[str]]] = json.load(file)
    return strings


def share(texts: dict[str, str], strings: dict[str, list[str]]) -> float:
    found = [string in texts[url] for url, wanted in strings.items() for string in wanted]
    return sum(found) / len(found)


def test_real_pages_keep_their_text_and_lose_much_of_the_rest(
    crawl: dict[str, bytes], gold: dict[str, dict[str, list[str]]]
) -> None:
    pages = {url: crawl[url.strip()] for url in list(gold)[::4]}
    text, error = extract_text(records(*pages.values()), options=STANDARD)
    assert error.null_count == len(pages)
    texts = dict(zip(pages, text.to_pylist(), strict=True))
    assert share(texts, {url: gold[url]["with"] for url in pages}) > 0.93
    assert share(texts, {url: gold[url]["without"] for url in pages}) < 0.12


def test_real_pages_in_other_encodings_are_decoded(
    crawl: dict[str, bytes], gold: dict[str, dict[str, list[str]]]
) -> None:
    pages = {url: body for url, body in crawl.items() if not is_utf8(body)}
    assert len(pages) >= 27
    text, error = extract_text(records(*pages.values()), options=ExtractOptions(main_content=False))
    assert error.null_count == len(pages)
    texts = dict(zip(pages, text.to_pylist(), strict=True))
    assert sum("\ufffd" in text for text in texts.values()) <= 3
    wanted = {url: gold[url]["with"] for url in pages if url in gold}
    assert len(wanted) >= 20
    assert share(texts, wanted) > 0.9


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
