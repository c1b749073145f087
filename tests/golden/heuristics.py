"""What datatrove and dolma say of texts of our own; `python -m tests.golden.heuristics` asks again.

Both run in environments of their own (see `tests.benchmarks.peers`), made on the first call.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.sample.texts import load_articles
from tests.benchmarks.peers import HERE, interpreter
from transforms.normalize import NormalizeOptions, normalize_text

GOLDEN = Path(__file__).with_name("heuristics.json")
PEERS = ("datatrove", "dolma")
_ARTICLES = 30
_ODD = (
    "He can't've said: “I'd've gone (again)...” at 10 p.m., e.g. to the U.S. for $5.50 or 10km.",
    "See https://example.org/a?b=c, user@example.org or example.org:8080/path. And/or 3-fold!",
    "- one\n- two\n• three\n* four\n\n\ttabbed… and so on...\n# heading #tag ## C++ :) ):",
    "Buy now! Buy now! Buy now! Buy now! Buy now!\nBuy now! Buy now! Buy now!\nBuy now! Buy now!",
    "one line\none line\n\none line\n\none line\nanother, longer line that ends properly.",
    "Lorem ipsum dolor sit amet, and so on.\nPlease enable JavaScript to see this page, thanks.",
    "We use cookies on this site.\nRead our privacy policy before you go on, please.\nMenu",
    "if (a < b) { return 'x'; } // and that's it.\nvar y = [1,2,3].map(z=>z*2);",
    "It was so.[1] And so it stayed for years.[citation needed] But then [edit] it changed.[12]",
    "水从山上流下来。然后它流进大海！\n這是第二行，有些字。",
    "שלום עולם, זה טקסט קצר.\nمرحبا بالعالم، هذا نص قصير؟",
    "नमस्ते दुनिया। यह एक छोटा पाठ है।\nสวัสดีชาวโลก นี่คือข้อความสั้น",
    "cafe\u0301 naïve Zürich 5°C. 10µg 3m² A.B. I.E. (8) 1–2 a—b well-known non--stop ...",
    "x" * 1200 + " is a long word in a line.\nThe of and to be that have with the end.",
    "word " * 120 + "\n" + "the same five words again and " * 12 + "stop.",
    "…\n...\n?\n!\n\"\n'\n“”\n•\n-",
)


def texts() -> list[str]:
    """Articles of the sample crawl and odd lines, normalized as a run does it."""
    articles = load_articles()[:: max(1, len(load_articles()) // _ARTICLES)]
    found = ["\n\n".join((a.title, *a.paragraphs)) for a in articles] + list(_ODD)
    rows: list[str] = normalize_text(pa.array(found), options=NormalizeOptions()).to_pylist()
    return rows


def ask(peer: str, python: Path, of: list[str]) -> list[Any]:
    """What a peer says of the texts, by the interpreter of its environment."""
    lines = "".join(json.dumps(text) + "\n" for text in of)
    command = [python, HERE / f"{peer}_values.py"]
    said = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]


def remake() -> None:
    """Ask the peers."""
    found = {peer: ask(peer, interpreter(peer), texts()) for peer in PEERS}
    GOLDEN.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    remake()
