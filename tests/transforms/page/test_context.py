import numpy as np

from tests.transforms.page.test_cut import cut
from transforms.page.context import CONTEXT, context_features

LOGIT = 65_536


def context(page: str, scores: list[float], sizes: list[int]) -> dict[str, list[int]]:
    blocks = cut(page)
    headings = np.array([int("h2" in page and number == 0) for number in range(len(sizes))])
    found = context_features(
        blocks,
        np.array(sizes, np.int32),
        headings.astype(np.int32),
        np.array([0, 1, 0, 1]),
        np.array([score * LOGIT for score in scores], np.int32),
    )
    return dict(zip(CONTEXT, found.tolist(), strict=True))


def test_a_block_knows_the_verdicts_around_it() -> None:
    found = context("<h2>a</h2><div><p>b<p>c</div><p>d", [-1, 2, -2, 20], [10, 100, 300, 100])
    assert found["score"] == [-64, 128, -128, 640]
    assert found["score_before1"] == [-640, -64, 128, -128]
    assert found["score_after2"] == [-128, 640, -640, -640]
    assert found["kept_before"] == [0, 0, 100, 100]
    assert found["kept_after"] == [200, 100, 100, 0]
    assert found["since_sure"] == [999, 999, 0, 1]
    assert found["until_sure"] == [0, 1, 0, 999]
    assert found["heading_score"] == [-640, -64, -64, -64]
    assert found["kept_under_heading"] == [400, 250, 1000, 0]
    assert found["kept_in_grandparent"] == [392, 250, 250, 392]
    assert found["page_kept"] == [392] * 4
    assert found["alike"] == [2, 2, 2, 2]
    assert found["kept_alike"] == [0, 1000, 0, 1000]
    assert found["mean_alike"] == [-123, 384, -123, 384]
