"""Charts as inline SVG: no script, no style attributes, colours by class so that they print well.

A bar in a table is an SVG that stretches to its cell, so its labels stay text of the table; a
histogram is a drawing with its own axes. Values stand in `<title>`, which browsers show on hover.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.html import Html, tag

_WIDTH, _HEIGHT = 760, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 22, 14, 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Bar heights of one kind, with its CSS class and its name."""

    name: str
    css: str
    values: Sequence[float]


def bar(*parts: tuple[float, str], whole: float, title: str) -> Html:
    """A horizontal bar of stacked (value, CSS class) parts, as a share of the whole."""
    rects, start = [], 0.0
    for value, css in parts:
        width = 1000 * value / whole if whole else 0.0
        rects.append(tag("rect", x=start, y=0, width=width, height=10, class_=css))
        start += width
    return tag(
        "svg",
        tag("title", title),
        *rects,
        class_="bar",
        viewBox="0 0 1000 10",
        preserveAspectRatio="none",
        role="img",
    )


def log_histogram(*series: Series, edges: Sequence[float], x_label: str, y_label: str) -> Html:
    """Overlaid histograms over bins with logarithmic edges; the first series is drawn behind."""
    top = max((value for one in series for value in one.values), default=0) or 1
    ticks = _nice_ticks(top)
    scale = _Scale(first=edges[0], last=edges[-1], top=ticks[-1])
    bars = [
        _column(scale, edges[i], edges[i + 1], value, one)
        for one in series
        for i, value in enumerate(one.values)
        if value
    ]
    return tag(
        "svg",
        *_y_axis(scale, ticks, y_label),
        *bars,
        *_x_axis(scale, edges, x_label),
        class_="chart",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=f"{y_label} by {x_label}",
    )


def legend_of(*entries: tuple[str, str]) -> Html:
    """What the colours of a chart mean, as (CSS class, meaning)."""
    swatches = [
        tag("span", tag("svg", tag("rect", width=10, height=10, class_=css), viewBox="0 0 10 10",
                        class_="swatch"), name)
        for css, name in entries
    ]  # fmt: skip
    return tag("p", *swatches, class_="legend")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    first: float
    last: float
    top: float

    def x(self, value: float) -> float:
        share = math.log(value / self.first) / math.log(self.last / self.first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (1 - value / self.top) * (_HEIGHT - _TOP - _BOTTOM)


def _column(scale: _Scale, low: float, high: float, value: float, series: Series) -> Html:
    left, right, top = scale.x(low), scale.x(high), scale.y(value)
    return tag(
        "rect",
        tag("title", f"{short(low)} to {short(high)}: {value:,.0f} {series.name}"),
        x=left + 0.75,
        y=top,
        width=max(right - left - 1.5, 0.5),
        height=scale.y(0) - top,
        class_=series.css,
    )


def _y_axis(scale: _Scale, ticks: Sequence[float], label: str) -> list[Html]:
    lines = []
    for tick in ticks:
        y = scale.y(tick)
        lines += [
            tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"),
            tag("text", short(tick), x=_LEFT - 8, y=y + 4, text_anchor="end"),
        ]
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turn = f"rotate(-90 12 {middle})"
    name = tag(
        "text", label, x=12, y=middle, text_anchor="middle", transform=turn, class_="upright"
    )
    return [*lines, name]


def _x_axis(scale: _Scale, edges: Sequence[float], label: str) -> list[Html]:
    base = scale.y(0)
    powers = range(math.ceil(math.log10(edges[0]) - 1e-9), math.floor(math.log10(edges[-1])) + 1)
    marks = [tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="axis")]
    for power in powers:
        x = scale.x(10.0**power)
        marks += [
            tag("line", x1=x, x2=x, y1=base, y2=base + 5, class_="axis"),
            tag("text", short(10.0**power), x=x, y=base + 17, text_anchor="middle"),
        ]
    centre = (_LEFT + _WIDTH - _RIGHT) / 2
    return [*marks, tag("text", label, x=centre, y=_HEIGHT - 5, text_anchor="middle")]


def _nice_ticks(top: float) -> list[float]:
    """Three to six round numbers from 0 to at least top."""
    raw = top / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    step = max(step, 1.0)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def short(value: float) -> str:
    """A number in few characters: 950, 1.2k, 34M.

    >>> short(0), short(950), short(1234), short(34_000_000)
    ('0', '950', '1.23k', '34M')
    """
    for unit in ("", "k", "M", "G"):
        if abs(value) < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}T"
