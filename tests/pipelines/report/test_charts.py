import re

from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.charts import Series, bar, log_histogram
from tests.pipelines.report.test_html import read

COUNTS = st.integers(0, 10**9)


def rects(markup: str) -> list[dict[str, str | None]]:
    return [attributes for name, attributes in read(markup).elements if name == "rect"]


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_the_parts_of_a_bar_fill_their_share(values: list[int]) -> None:
    whole = sum(values)
    drawn = rects(bar(*[(value, "kept") for value in values], whole=whole, title="t"))
    widths = [float(rect["width"] or 0) for rect in drawn]
    assert sum(widths) == 0 if whole == 0 else abs(sum(widths) - 1000) < 0.1
    starts = [float(rect["x"] or 0) for rect in drawn]
    assert starts == sorted(starts)


@given(st.lists(COUNTS, min_size=8, max_size=8))
def test_a_histogram_stays_inside_its_drawing(values: list[int]) -> None:
    edges = [10.0 ** (i / 2) for i in range(9)]
    chart = log_histogram(
        Series(name="documents", css="kept", values=values), edges=edges, x_label="x", y_label="y"
    )
    drawn = rects(chart)
    assert len(drawn) == sum(value > 0 for value in values)
    for rect in drawn:
        x, y, width, height = (float(rect[key] or 0) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + width <= 760
        assert y + height <= 250


def test_taller_bars_are_for_more() -> None:
    series = Series(name="documents", css="kept", values=[1, 4])
    chart = log_histogram(series, edges=[1, 10, 100], x_label="words", y_label="documents")
    small, large = (float(rect["height"] or 0) for rect in rects(chart))
    assert abs(large - 4 * small) < 0.1
    assert "10 to 100: 4 documents" in chart
    assert len(re.findall(r'class="grid"', chart)) >= 3
