import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import UsageError
from pipelines.whatif import what_if
from tests.pipelines.made_output import Page, some_pages, write_output


def _pages() -> list[Page]:
    """Pages, of which one was read four times: each part of the output holds it."""
    pages = some_pages(400, seed=5)
    kept = next(page for page in pages if page.verdict == "kept")
    again = copy.copy(kept)
    again.rule, again.stage, again.twin = "duplicate_id", "dedup", kept.number
    return [*pages, again, again, again]


PAGES = _pages()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out"), PAGES)


def passes(page: Page, *, keep: list[str], score: float, words: int) -> bool:
    enough = np.float32(page.language_score) >= np.float32(score)
    return page.language in keep and bool(enough) and words <= page.words <= 100_000


@settings(max_examples=20, deadline=None)
@given(
    keep=st.lists(st.sampled_from(["en", "de", "fr", "es", "ru"]), min_size=1, unique=True),
    score=st.sampled_from([0.5, 0.65, 0.9, 0.97]),
    words=st.sampled_from([1, 20, 50, 400]),
)
def test_it_counts_what_other_thresholds_would_keep(
    out: str, keep: list[str], score: float, words: int
) -> None:
    found = what_if(out, [f"language.keep=[{', '.join(keep)}]", f"language.minimum_score={score}",
                          f"length.minimum_words={words}"])  # fmt: skip
    curated = [page for page in PAGES if page.curated]
    now = [passes(page, keep=keep, score=score, words=words) for page in curated]
    was = [page.failing == 0 for page in curated]
    assert found.curated == len(curated)
    assert (found.before.passing, found.after.passing) == (sum(was), sum(now))
    assert found.gained == sum(n and not w for n, w in zip(now, was, strict=True))
    assert found.lost == sum(w and not n for n, w in zip(now, was, strict=True))
    kept = [page for page in curated if page.verdict == "kept"]
    assert found.kept == len(kept)
    assert found.kept_lost == sum(
        not passes(page, keep=keep, score=score, words=words) for page in kept
    )
    assert found.after.reasons.total() == len(curated) - sum(now)
    assert found.after.languages.total() == sum(now)


def test_a_language_may_have_a_threshold_of_its_own(out: str) -> None:
    found = what_if(out, ["language.minimum_scores.en=0.95"])
    passed = [page for page in PAGES if page.curated and page.failing == 0]
    lost = [p for p in passed if p.language == "en" and p.language_score < np.float32(0.95)]
    assert lost
    assert (found.gained, found.lost) == (0, len(lost))
    assert found.after.reasons["language_score_en"] >= len(lost)


def test_the_same_thresholds_change_nothing(out: str) -> None:
    found = what_if(out, ["length.minimum_words=50"])
    assert found.gained == found.lost == found.kept_lost == 0
    assert found.before == found.after
    assert found.gained_examples == found.lost_examples == []


def test_examples_are_of_what_changes(out: str) -> None:
    found = what_if(out, ["length.minimum_words=400"])
    urls = {page.url for page in PAGES if page.verdict == "kept" and page.words < 400}
    assert len(found.lost_examples) == 5
    assert set(found.lost_examples) <= urls


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("dedup.exact=false", "whatif can't tell what another dedup.exact would keep"),
        ("language.model=other.ftz", "what can be tried: length, language.keep, language.minimum"),
        ("length.minimum_word=3", "did you mean 'minimum_words'?"),
    ],
)
def test_what_needs_a_run_is_refused(out: str, override: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        what_if(out, [override])
    assert message in str(error.value)


def test_a_folder_without_a_run_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run output at"):
        what_if(str(tmp_path), ["length.minimum_words=3"])
