"""Texts whose language is known: to train the shipped language model on, and to measure it with.

`python -m tests.benchmarks.language_texts DATA TARGET` writes the training rows as JSON lines, from
two sources: lingua-py's sentences, word pairs and single words, and paragraphs of the archive of
MDN. To measure with there are lingua-py's sentences that the training command holds out, words and
word pairs of those, and two sources that no row is trained on: the paragraphs and chapters of a
book in 33 translations, and poems.
"""

import gzip
import json
import re
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import xxhash

from tests.benchmarks.language_held_out import Rows, not_from, short_rows, split

_MDN_ROWS = 1_500
_MDN_LETTERS = range(20, 1_000)
_BOOK_LETTERS = 40
_POEMS = 200
_CODES = {"es-ni": "es", "no-nb": "nb", "pt-br": "pt", "zh-tw": "zh", "zh-cn": "zh", "en-us": "en"}
_PARAGRAPH = re.compile(r"(?is)<p[^>]*>(.*?)</p>")
_HIDDEN = re.compile(r"(?is)<(code|pre|a)\b.*?</\1>|<[^>]*>|\{\{.*?\}\}|&[#\w]+;")
_COMMENT = re.compile(r"(?s)<!--.*?-->")
_MARKUP = re.compile(r"`[^`]*`|!?\[[^\]]*\]\([^)]*\)|[*_#]+")
_ENGLISH = frozenset(["the", "of", "and", "that", "with", "this"])
_MALAY_COPIES = 5
_OWN_MALAY = Path(__file__).parent / "malay.txt"
_WORD = re.compile(r"[^\W\d_]+")
_WORDS_AT_ONCE = {"word-pairs": 2, "single-words": 1}
_WITHOUT_SPACES = frozenset({"ja", "th", "zh"})
_OWN_SCRIPTS = frozenset({"ja", "ko", "ru", "zh"})
_LATIN_LETTERS = re.compile(r"[A-Za-z]+")
_LATIN_WORD = re.compile(r"[a-z]+")
_MALAY = frozenset(
    _LATIN_WORD.findall("""bahawa kerana sahaja ialah iaitu wang polis pejabat syarikat universiti
    berbeza televisyen
    telefon manakala sekiranya awak setiausaha ringgit isnin jumaat ogos mac perkhidmatan selepas
    perniagaan sebarang cuma mesyuarat bandaraya jawatankuasa kakitangan melayu umno kerajaannya
    justeru penyelidikan pilihanraya pengarah agensi hartanah pinjaman akaun laman kesihatan boleh
    antarabangsa lelaki mahkamah hendaklah mestilah cukai kebajikan perubatan perlembagaan kanak
    bolehlah tidaklah bukannya terutamanya sepatutnya mengapakah kelmarin menerusi tersebutlah
    pelbagai semalam kempen beliaulah daripada berkenaan memandangkan sungguhpun walaubagaimanapun
    """)
)
_INDONESIAN = frozenset(
    _LATIN_WORD.findall("""bahwa karena bisa uang kantor polisi perusahaan universitas berbeda
    televisi telepon gratis
    sekretaris rupiah senin jumat agustus maret kemarin mobil provinsi kabupaten kecamatan bupati
    presiden informasi kualitas situasi aktivitas butuh banget gue yaitu kesehatan internasional
    diposting oleh posting pajak laki lagu mp3 download dirumahnya anda penggilingan merupakan
    """)
)


def lingua_rows(data: Path, kind: str | None = None) -> Rows:
    """lingua-py's own test texts, of one kind or all."""
    with gzip.open(data / "langid" / "lingua.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["lang"], row["text"]) for row in rows if kind in (None, row["kind"])]


def mdn_rows(data: Path) -> Rows:
    """Distinct paragraphs of MDN without their code, as many of each language at most.

    Many pages are half translated or not at all: a paragraph that stands in two languages is left
    out, and outside en one with the commonest English words; languages with scripts of their own
    lose their English terms. Of the others a hash decides.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((data / "text" / "mdn_archived").glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for line in lines:
                row = json.loads(line)
                code = _CODES.get(row["lang"], row["lang"])
                found[code].update(_paragraphs(row["html"], code))
    times = Counter(text for texts in found.values() for text in texts)
    return [
        (code, text)
        for code, texts in sorted(found.items())
        for text in sorted((t for t in texts if times[t] == 1), key=_shuffled)[:_MDN_ROWS]
    ]


def _shuffled(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace"))


def _paragraphs(html: str, code: str) -> Iterator[str]:
    for match in _PARAGRAPH.finditer(html):
        text = " ".join(_HIDDEN.sub(" ", match[1]).split())
        if code in _OWN_SCRIPTS:
            text = " ".join(_LATIN_LETTERS.sub(" ", text).split())
        letters = sum(map(str.isalpha, text))
        is_prose = letters in _MDN_LETTERS and letters + text.count(" ") > 0.9 * len(text)
        if is_prose and (code == "en" or not _is_english(text)):
            yield text


def _is_english(text: str) -> bool:
    words = _LATIN_WORD.findall(text.lower())
    return sum(word in _ENGLISH for word in words) > 0.05 * len(text.split())


def book_texts(data: Path) -> dict[str, Rows]:
    """Pro Git by language: paragraphs of 40 letters and more, and whole chapters.

    Code, comments (the English original) and paragraphs left in English are left out.
    """
    paragraphs, chapters = [], []
    book = list(_chapters(data))
    english = {run for code, texts in book if code == "en" for _, t in texts for run in _runs(t)}
    for code, texts in book:
        rows = [(c, t) for c, t in texts if code == "en" or not _is_left(t, english)]
        paragraphs += rows
        if rows:
            chapters.append((code, "\n\n".join(text for _, text in rows)))
    return {"paragraphs": paragraphs, "chapters": chapters}


def _runs(text: str) -> list[str]:
    """Every four words in a row, or all words of a shorter text."""
    words = _WORD.findall(text.lower())
    return [" ".join(words[at : at + 4]) for at in range(max(len(words) - 3, 1))]


def _is_left(text: str, english: set[str]) -> bool:
    """Whether a third of a translation's paragraph is as in the English book, or says `the`.

    Some translations leave paragraphs of another English edition.
    """
    runs = _runs(text)
    is_english = "the" in _LATIN_WORD.findall(text.lower())
    return is_english or sum(run in english for run in runs) > len(runs) / 3


def _chapters(data: Path) -> Iterator[tuple[str, Rows]]:
    with tarfile.open(data / "text" / "progit_many_languages.tar.gz") as archive:
        for entry in sorted(archive, key=lambda entry: entry.name):
            if not entry.name.endswith(".markdown"):
                continue
            folder = entry.name.split("/")[1]
            code = _CODES.get(folder, folder)
            file = archive.extractfile(entry)
            text = file.read().decode("utf-8", "replace") if file else ""
            yield code, [(code, paragraph) for paragraph in _prose(text)]


def _prose(markdown: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", _COMMENT.sub("", markdown)):
        lines = [
            line
            for line in block.splitlines()
            if not re.match(r"\t|    |Insert |#|\[\w+\]: ", line)
        ]
        text = " ".join(_MARKUP.sub(" ", " ".join(lines)).split())
        if sum(map(str.isalpha, text)) >= _BOOK_LETTERS:
            yield text


def poem_rows(data: Path) -> Rows:
    """Chinese poems of the Song and Tang dynasties, some of each file."""
    rows: Rows = []
    with tarfile.open(data / "text" / "chinese_poetry.tar.gz") as archive:
        for entry in sorted(archive, key=lambda entry: entry.name):
            file = archive.extractfile(entry) if entry.name.endswith(".json") else None
            poems = json.loads(file.read()) if file else []
            rows += [("zh", "".join(poem["paragraphs"])) for poem in poems[:_POEMS]]
    return [row for row in rows if row[1]]


def training_rows(data: Path) -> Rows:
    """Everything that the shipped model is trained on, and measured on while it's trained."""
    sentences = lingua_rows(data, "sentences")
    words = [row for kind in _WORDS_AT_ONCE for row in lingua_rows(data, kind)]
    return with_true_malay(sentences + not_from(words, sentences=sentences)) + mdn_rows(data)


def with_true_malay(rows: Rows) -> Rows:
    """The rows without those that are called Malay but may be Indonesian, as most of them are.

    A row stays Malay if a word of it is spelled so in Malay only, and none in Indonesian only. What
    is left is taken several times, beside sentences of our own, to weigh more.
    """
    kept = [text for code, text in rows if code == "ms" and _is_malay(text)]
    kept += _OWN_MALAY.read_text(encoding="utf-8").splitlines()
    # A row is told from its copies by the blanks after it, which nothing else sees.
    copies = [("ms", text + " " * copy) for text in kept for copy in range(_MALAY_COPIES)]
    return [row for row in rows if row[0] != "ms"] + copies


def _is_malay(text: str) -> bool:
    words = frozenset(_LATIN_WORD.findall(text.lower()))
    return not words.isdisjoint(_MALAY) and words.isdisjoint(_INDONESIAN)


def held_out_rows(data: Path, kind: str) -> Rows:
    """Rows of one kind that aren't trained on: lingua-py's sentences, or words out of them.

    Languages that don't part words by spaces have lingua-py's own rows of the kind.
    """
    if kind == "sentences":
        return split(lingua_rows(data, kind))[1]
    sentences = split(lingua_rows(data, "sentences"))[1]
    own = [row for row in split(lingua_rows(data, kind))[1] if row[0] in _WITHOUT_SPACES]
    with_spaces = [row for row in sentences if row[0] not in _WITHOUT_SPACES]
    return short_rows(with_spaces, _WORDS_AT_ONCE[kind]) + own


def main(data: str, target: str) -> None:
    """Write the training rows."""
    with gzip.open(target, "wt", encoding="utf-8") as lines:
        for code, text in training_rows(Path(data)):
            lines.write(json.dumps({"lang": code, "text": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
