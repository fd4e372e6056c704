"""The drawing of charts: figures of one look, and their SVG, ready to stand in a page.

Text stays text, ids are the chart's own, and the same chart gives the same bytes.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.bootstrap import Estimate

INK, GREY, PALE = "#1f2933", "#616e7c", "#d9dee4"
BLUE, VERMILION, GREEN = "#0072b2", "#d55e00", "#007f5f"
"""Okabe and Ito's colours, told apart by the colour-blind too; the green is a little darker, for text."""
LOOK: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": 11,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


look = mpl.rc_context(LOOK)
"""Decorates what draws, so that all of a chart has the look."""


def blank(width: float = 4.8, height: float = 4.1) -> tuple[Figure, Axes]:
    """An empty chart of so many inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(visible=True)
    return figure, axes


def svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """The chart as an <svg> that says to those who cannot see it what it shows; `name` begins all its ids."""
    buffer = io.StringIO()
    with mpl.rc_context({**LOOK, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    labels = f'role="img" aria-labelledby="{name}-title {name}-description"'
    words = (
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-description">{escape(description)}</desc>'
    )
    # matplotlib wrote all of it, and escapes what it is given
    return Markup(re.sub(r"<svg([^>]*)>", lambda tag: f"<svg{tag[1]} {labels}>{words}", text, count=1))


def square(axes: Axes, x: str, y: str) -> None:
    """Both axes from 0 to 1, with a little room for what lies on the edge."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, aspect="equal")


def bars(rows: Sequence[tuple[str, Estimate]], overall: Estimate, label: str) -> Figure:
    """A horizontal bar with its interval for each named value, from above, and a line at the value of all together."""
    figure, axes = blank(5.2, 1.0 + 0.42 * len(rows))
    for place, (_, estimate) in enumerate(rows):
        if estimate.value is not None:
            axes.barh(place, estimate.value, height=0.6, color=BLUE, alpha=0.75, gid=f"bar-{place}")
        if estimate.interval is not None:
            axes.plot(estimate.interval, (place, place), color=INK, linewidth=1.6, marker="|", markersize=8)
    if overall.value is not None:
        axes.axvline(overall.value, color=VERMILION, linewidth=1.4, linestyle="--", label=f"all, {overall.value:.3f}")
        figure.legend(loc="outside upper right")
    axes.set(xlim=(0, 1), xlabel=label, yticks=range(len(rows)), yticklabels=[_short(name) for name, _ in rows])
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"
