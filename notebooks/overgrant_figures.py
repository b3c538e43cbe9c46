"""How figures and conclusions look, the same in every notebook.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart; nothing is told by colour alone.
With `OVERGRANT_FIGURES=FOLDER` every figure is also written there as a PNG file, and every conclusion as a text file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from cycler import cycler
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from overgrant_store import Snapshot

VARIABLE = "OVERGRANT_FIGURES"

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, GREY, INK = "#56B4E9", "#CC79A7", "#8C8C8C", "#222222"
PALETTE = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, INK]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
WHO = {"human": BLUE, "non-human": ORANGE, "undecided": GREY}
"""Colour of each kind of principal."""

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelsize": 9.5,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "font.size": 9.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "savefig.dpi": 110,
    # Names come from exports: a dollar sign in one is a dollar sign.
    "text.parse_math": False,
}


@dataclass
class _Run:
    """Which notebook runs, and how many figures it has shown."""

    notebook: str = ""
    figures: int = 0


_run = _Run()


def setup(notebook: str) -> None:
    """Sets the style, and the name under which figures and conclusions of this notebook are written."""
    cast(Any, mpl.rcParams).update(_STYLE)
    _run.notebook, _run.figures = notebook, 0
    pl.Config.set_tbl_rows(25)
    pl.Config.set_fmt_str_lengths(60)
    pl.Config.set_tbl_hide_dataframe_shape(True)
    pl.Config.set_tbl_hide_column_data_types(True)
    pl.Config.set_float_precision(2)


def folder() -> Path | None:
    """Where figures are to be written; none when they are only shown."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    path = Path(named)
    path.mkdir(parents=True, exist_ok=True)
    return path


def finish(figure: Figure) -> None:
    """Shows a figure, and writes it when that is wanted."""
    _run.figures += 1
    target = folder()
    if target is not None:
        # No version and no date go into the file: the same figure is the same bytes.
        figure.savefig(target / f"{_run.notebook}-{_run.figures}.png", metadata={"Software": None})
    plt.show()


def note(text: str) -> None:
    """Says something in the place of a figure: what is not measurable here, and what it would take."""
    display(Markdown(f"> **Not measurable here.** {text}"))  # type: ignore[no-untyped-call]


def conclude(*sentences: str) -> None:
    """The conclusion that ends a notebook: sentences computed from the store."""
    text = " ".join(sentence.strip() for sentence in sentences if sentence.strip())
    target = folder()
    if target is not None:
        (target / f"{_run.notebook}-conclusion.md").write_text(text + "\n", encoding="utf-8")
    display(Markdown(f"**Conclusion.** {text}"))  # type: ignore[no-untyped-call]


def number(value: float | None, unit: str = "", digits: int | None = None) -> str:
    """A number for people; `unknown` when there is none. Digits follow its size unless they are given."""
    if value is None or not np.isfinite(value):
        return "unknown"
    if digits is None:
        digits = 0 if value == round(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
    return f"{text} {unit}".strip()


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 finding`, `2 findings`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def code(text: str | None) -> str:
    """A name from an export for a sentence: as code, so that nothing in it is markup."""
    return "`" + plain(text or "unnamed").replace("`", " ")[:80] + "`"


def dates(axes: Axes, snapshots: Sequence[Snapshot]) -> None:
    """A time axis over the scans of a store, the same whether or not all of them have a value."""
    first, last = snapshots[0].as_of, snapshots[-1].as_of
    if first == last:
        day = timedelta(days=1)
        axes.set_xlim(*as_numbers(first - day, last + day))
        axes.set_xticks(as_numbers(first), [snapshots[0].day])
        return
    pad = 0.04 * (last - first)
    axes.set_xlim(*as_numbers(first - pad, last + pad))
    calendar(axes)


def as_numbers(*times: datetime) -> list[float]:
    """Times as a time axis counts them."""
    return [float(mdates.date2num(time)) for time in times]  # type: ignore[no-untyped-call]


def calendar(axes: Axes) -> None:
    """Few and short labels for a time axis."""
    locator = mdates.AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def blank(axes: Axes, why: str) -> None:
    """A panel with nothing in it but why."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=INK)
    axes.set_yticks([])
    axes.grid(visible=False)


def whole(axis: Any) -> None:
    """Ticks at whole numbers only, for counts."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def from_zero(axes: Axes) -> None:
    """A vertical axis that begins at 0, with room above what is drawn."""
    top = axes.dataLim.y1 if axes.has_data() else 0.0
    axes.set_ylim(0, 1.15 * top if np.isfinite(top) and top > 0 else 1)


def short(text: str | None, length: int = 34) -> str:
    """A name that fits beside an axis: the end is what tells ARNs apart, so the beginning is left out."""
    text = plain(text or "unnamed")
    return text if len(text) <= length else "…" + text[-(length - 1) :]


def room(axes: Axes) -> None:
    """A vertical axis with room around what is drawn, also where all of it is the same number but for rounding."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    if not axes.has_data() or not np.isfinite([low, high]).all():
        return
    pad = 0.15 * (high - low)
    if high - low <= 1e-6 * max(1.0, abs(high)):
        pad = max(1.0, 0.1 * abs(high))
    axes.set_ylim(low - pad, high + pad)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))


def labels(people: pl.DataFrame, length: int = 34) -> dict[str, str]:
    """A short label for each `id`: the `name`, with the platform or as the id where several have the same name.

    `people` has `id name platform`.
    """
    known = people.select("id", "name", "platform").with_columns(pl.col("name").fill_null(pl.col("id")))
    alike = pl.col("id").n_unique()
    known = known.with_columns(alike.over("name").alias("all"), alike.over("name", "platform").alias("here"))
    result = {}
    for id_, name, platform, everywhere, here in known.iter_rows():
        if everywhere == 1:
            result[id_] = short(name, length)
        elif here == 1:
            result[id_] = f"{short(name, length - len(platform) - 3)} ({plain(platform)})"
        else:
            result[id_] = middle(id_.removeprefix("arn:aws:iam::").removeprefix(f"{platform}:"), length)
    return result


def middle(text: str, length: int) -> str:
    """Text without its middle where it is too long: ids tell things apart at both ends."""
    text = plain(text)
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 5
    return text[:head] + "…" + text[-(length - 1 - head) :]


def plain(text: str) -> str:
    """Text from an export without control characters, which are none of a name's business in a figure."""
    return "".join(c if c.isprintable() else " " for c in text)
