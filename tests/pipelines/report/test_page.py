import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from penstock import storage
from pipelines.report import gather, write_report
from pipelines.report.page import render
from tests.pipelines.made_output import Page, some_pages, write_output
from tests.pipelines.report.test_html import read

SCRIPT = "document.title='PWNED'"
HOSTILE = (
    f"<script>{SCRIPT}</script>",
    f"\"><img src=x onerror=\"{SCRIPT}\">",
    f"'><svg onload={SCRIPT}>",
    f"</style><script>{SCRIPT}</script>",
    f"</title><script>{SCRIPT}</script>",
    f"</pre></details><iframe srcdoc=\"<script>parent.{SCRIPT}</script>\">",
    f"javascript:{SCRIPT}",
    f"<!--><script>{SCRIPT}</script-->",
    f"\u202e<script>{SCRIPT}</script>\u2066",
    f"{{{{constructor.constructor(\"{SCRIPT}\")()}}}}",
)  # fmt: skip
ELEMENTS = frozenset(
    {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section"),
        *("h1", "h2", "h3", "p", "dl", "div", "dt", "dd", "table", "thead", "tbody", "tr", "th"),
        *("td", "svg", "rect", "line", "text", "code", "pre", "bdi", "span", "details", "summary"),
        "wbr",
    }
)


def hostile_pages() -> list[Page]:
    """Pages that try to inject by every column that a report shows."""
    pages = []
    for number, attack in enumerate(HOSTILE):
        pages += [
            Page(number=10 * number, url=attack, words=90, text=attack * 3, cluster_size=2),
            Page(number=10 * number + 1, url=f"https://x.example/{attack}", words=90, text=attack,
                 rule=attack, stage=attack, value=attack, threshold=attack, twin=10 * number),
            Page(number=10 * number + 2, url=attack, words=0, stage=attack,
                 error=f"{attack}: {attack}"),
            Page(number=10 * number + 3, url=attack, words=90, language=attack),
        ]  # fmt: skip
    return pages


def test_the_report_says_the_numbers(tmp_path: Path) -> None:
    out = write_output(tmp_path, some_pages(300))
    seen = read(render(gather(out))).seen
    facts = gather(out)
    for number in (facts.ledger.records, facts.ledger.kept, facts.ledger.dropped.total()):
        assert f"{number:,}" in seen
    for words in ("near_duplicate", "minimum_words", "truncated", "words per token", "curate"):
        assert words in seen
    assert "Nothing is lost in silence" in seen


def test_reasons_and_examples_come_in_the_order_of_the_stages(tmp_path: Path) -> None:
    seen = read(render(gather(write_output(tmp_path, some_pages(300))))).seen
    table = seen[seen.index("Why records weren’t kept") : seen.index("fail it” counts")]
    read_aloud = seen[seen.index("Dropped, to read") :]
    rules = ("language: language", "length: minimum_words", "dedup: near_duplicate")
    for text in (table, read_aloud):
        assert sorted(rules, key=text.index) == list(rules)


def test_one_thing_is_one_and_nothing_spilled_has_no_column(tmp_path: Path) -> None:
    facts = gather(write_output(tmp_path, some_pages(100)))
    (shard, *_) = facts.manifest.shards
    stage = {"stage": "curate", "seconds": 0.123, "spilled_bytes": 0}
    one = replace(
        facts,
        manifest=replace(facts.manifest, shards=[shard]),
        run=facts.run | {"workers": 1, "stages": [stage]},
    )
    seen = read(render(one)).seen
    assert "1 shard," in seen
    assert "1 worker," in seen
    assert "0.12 s" in seen
    assert "spilled" not in seen
    spilled = replace(one, run=one.run | {"stages": [stage | {"spilled_bytes": 2_000_000}]})
    assert "2 MB" in read(render(spilled)).seen[seen.index("Where the time went") :]


def test_the_report_tells_when_ledger_and_manifest_differ(tmp_path: Path) -> None:
    facts = gather(write_output(tmp_path, some_pages(100)))
    counts = replace(facts.manifest.counts, kept=1)
    other = replace(facts, manifest=replace(facts.manifest, counts=counts))
    assert "They should be equal" in read(render(other)).seen


def test_the_report_is_the_same_each_time_and_at_any_url(tmp_path: Path) -> None:
    out = write_output(tmp_path, some_pages(100))
    url = write_report(out)
    first = storage.read_bytes(url)
    write_report(out)
    assert storage.read_bytes(url) == first


def test_the_report_of_a_store_is_that_of_a_folder(tmp_path: Path) -> None:
    out = write_output(tmp_path, some_pages(100))
    remote = "memory://report-test"
    for url in storage.list_files(out):
        storage.write_bytes(remote + url.removeprefix(out), storage.read_bytes(url))
    there = storage.read_bytes(write_report(remote)).decode()
    here = storage.read_bytes(write_report(out)).decode()
    name = tmp_path.name
    assert there.replace(remote, out).replace("report-test", name) == here


def test_nothing_in_the_page_is_active(tmp_path: Path) -> None:
    page = read(render(gather(write_output(tmp_path, hostile_pages()))))
    assert {name for name, _ in page.elements} <= ELEMENTS
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "href")], (
            name
        )


def test_the_policy_allows_the_style_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    page = render(gather(write_output(tmp_path, some_pages(50))))
    [style] = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [a["content"] for name, a in read(page).elements
                if name == "meta" and a.get("http-equiv") == "Content-Security-Policy"]  # fmt: skip
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert "url(" not in style
    assert "@import" not in style


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium here: looked for {', '.join(names)}")
    return found


def dom_after_scripts(page: Path, profile: Path) -> str:
    """The document as headless Chromium has it once everything has run."""
    flags = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-sync", "--disable-background-networking", "--disable-component-update"),
        "--virtual-time-budget=2000",
    ]
    command = [chromium(), *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        pytest.skip(f"Chromium doesn't run here: exit status {done.returncode}")
    return done.stdout


def test_a_page_can_not_run_script_in_chromium(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", hostile_pages())
    raw = tmp_path / "raw.html"
    raw.write_text(f"<title>fine</title><body>{''.join(HOSTILE)}", encoding="utf-8")
    assert "PWNED</title>" in dom_after_scripts(raw, tmp_path / "one"), "the attacks must be real"
    dom = dom_after_scripts(Path(write_report(out)), tmp_path / "two")
    assert "<title>Penstock report: " in dom
    assert "PWNED</title>" not in dom
    assert {name for name, _ in read(dom).elements} <= ELEMENTS
