"""The pack report as a page with plots: inline SVG and CSS, no script, nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.pack_report import PackReport

_WIDTH, _HEIGHT, _LEFT, _BASE, _TOP = 720, 230, 56, 190, 16
_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2.5rem auto;
       max-width: 46rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2.2rem 0 .3rem }
p { margin: .2rem 0 .6rem; color: #55606e } svg { width: 100%; height: auto; display: block;
       overflow: visible }
text { font-size: 12px; fill: #55606e } .axis { stroke: #8b95a3 } .grid { stroke: #e4e8ed }
.one { fill: #2166ac } .two { fill: #e08214 } .three { fill: #c9d1da }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 0; border-radius: 2px;
       overflow: hidden }
span { display: inline-block; margin-right: 1em }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .15rem 1rem; margin: 1rem 0 }
dt { color: #55606e } dd { margin: 0 }
@media (max-width: 30rem) {
  text { font-size: 17px } dl { grid-template-columns: 7.5rem 1fr }
}
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e6eaf0 } p, dt, text { color: #a3adb9; fill: #a3adb9 }
  .grid { stroke: #2a313a } .three { fill: #414b57 } .one { fill: #5aa2e0 } }
"""


def plot_packing(report: "PackReport") -> str:
    """One HTML page that works offline."""
    facts = "".join(
        f"<dt>{escape(line[:16].strip())}</dt><dd>{escape(line[17:])}</dd>"
        for line in str(report).splitlines()
    )
    parts = [
        f"<h1>Packing into rows of {report.sequence_length:,} tokens</h1><dl>{facts}</dl>",
        _heading("Places in rows", "what the rows' places hold, and what was cut off"),
        _bar([report.tokens, report.padding, report.cut_tokens], ["tokens", "padding", "cut off"]),
        _heading("Attention", "pairs of tokens within documents, and those that the mask saves"),
        _bar(
            [report.masked_pairs, 0, report.unmasked_pairs - report.masked_pairs],
            ["computed", "", "saved"],
        ),
        _heading(
            "Tokens by length",
            "of whole documents, and of the pieces in rows: from so many tokens on",
        ),
        _key([("one", "documents"), ("two", "pieces in rows")]),
        _lengths(report.document_tokens, report.segment_tokens),
        _heading("Rows by fill", "how many rows are so full, in per cent of their places"),
        _fill(report.row_fill),
    ]
    style = _CSS.replace("\n", " ")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Pack report</title>'
        f"<style>{style}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _heading(title: str, text: str) -> str:
    return f"<h2>{escape(title)}</h2><p>{escape(text)}</p>"


def _key(entries: Sequence[tuple[str, str]]) -> str:
    drawing = '<svg class="key" viewBox="0 0 1 1"><rect class="{}" width="1" height="1"/></svg>'
    swatch = f"<span>{drawing}{{}}</span>"
    return "<p>" + "".join(swatch.format(css, escape(name)) for css, name in entries) + "</p>"


def _bar(values: Sequence[int], names: Sequence[str]) -> str:
    """One bar of three parts, with a key that says their shares."""
    whole, start, rects, entries = max(1, sum(values)), 0.0, [], []
    for value, name, css in zip(values, names, ("one", "two", "three"), strict=True):
        width = 1000 * value / whole
        rects.append(f'<rect class="{css}" x="{start:.2f}" width="{width:.2f}" height="26"/>')
        start += width
        if name:
            entries.append((css, f"{name} {value:,} ({value / whole:.2%})"))
    drawing = f'<svg viewBox="0 0 1000 26" preserveAspectRatio="none">{"".join(rects)}</svg>'
    return drawing + _key(entries)


def _lengths(documents: Sequence[int], segments: Sequence[int]) -> str:
    used = [i for i, pair in enumerate(zip(documents, segments, strict=True)) if any(pair)]
    if not used:
        return ""
    first, last = used[0], used[-1]
    names = [f"{1 << power:,}" for power in range(first, last + 1)]
    return _columns([documents[first : last + 1], segments[first : last + 1]], names)


def _fill(rows: Sequence[int]) -> str:
    return _columns([rows], [f"{5 * i}–{5 * i + 5}" for i in range(len(rows))])


def _columns(series: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Columns side by side for each name, over an axis from 0."""
    top = _round_up(max(max(values) for values in series))
    room = (_WIDTH - _LEFT) / max(1, len(names))
    width = room * 0.8 / len(series)
    drawn = [_grid(top * part / 4, part) for part in range(5)]
    for index, name in enumerate(names):
        left = _LEFT + index * room + room * 0.1
        for place, values in enumerate(series):
            height = (_BASE - _TOP) * values[index] / top
            drawn.append(
                f'<rect class="{("one", "two")[place]}" x="{left + place * width:.1f}" '
                f'y="{_BASE - height:.1f}" width="{width:.1f}" height="{height:.1f}">'
                f"<title>{escape(name)}: {values[index]:,}</title></rect>"
            )
        if len(names) <= 12 or (len(names) - 1 - index) % 3 == 0:
            centre = left + room * 0.4
            drawn.append(
                f'<text x="{centre:.1f}" y="{_BASE + 16}" text-anchor="middle">{name}</text>'
            )
    axis = f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(drawn)}{axis}</svg>'


def _grid(value: float, part: int) -> str:
    height = _BASE - (_BASE - _TOP) * part / 4
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{height}" y2="{height}"/>'
        f'<text x="{_LEFT - 6}" y="{height + 4}" text-anchor="end">{_short(value)}</text>'
    )


def _round_up(value: int) -> float:
    """A round number of at least this, and above 0, whose quarters are round, too."""
    power = 10.0 ** max(0, len(str(value)) - 1)
    return next(
        power * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if power * step >= value
    )


def _short(value: float) -> str:
    """A number in few characters.

    >>> _short(950), _short(2048), _short(34_000_000)
    ('950', '2.05k', '34M')
    """
    for unit in ("", "k", "M", "G"):
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}T"
