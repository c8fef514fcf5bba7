"""Draw what was measured, as PNG and SVG."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from bench import part_connections as connections
from bench import part_deletion as deletion
from bench import part_revocation as revocation
from bench import part_scale as scale
from bench import part_sessions as sessions
from bench import part_start as start
from bench.figures import Book, Figure

_COLOURS = {
    "certgate": "#0b6e6e",
    "amqtt": "#9a9a9a",
    "Mosquitto": "#c8792b",
    "moto": "#7a6aa8",
}
_WIDE, _HIGH = 9.0, 3.2


def draw(folder: Path, book: Book) -> None:
    """Draw every plot that there are figures for.

    Args:
        folder: where they go.
        book: the figures.
    """
    mpl.use("Agg")
    parts = {figure.part for figure in book.figures}
    for name, (needed, panels) in _PLOTS.items():
        if needed <= parts:
            _save(folder, name, book, panels)


Panel = Callable[[Axes, Book], None]


def _save(folder: Path, name: str, book: Book, panels: Sequence[Panel]) -> None:
    size = (_WIDE, _HIGH)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
    for axis, panel in zip(axes[0], panels, strict=True):
        panel(axis, book)
        axis.spines[["top", "right"]].set_visible(False)
    for kind in ("png", "svg"):
        figure.savefig(folder / f"{name}.{kind}", dpi=150)
    plt.close(figure)


def _entitle(axis: Axes, title: str, unit: str) -> None:
    axis.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axis.set_xlabel(unit)
    axis.tick_params(labelsize=9)


def _bars(axis: Axes, figures: Sequence[Figure], title: str) -> None:
    """Draw medians as bars with the range of the rounds."""
    for place, figure in enumerate(figures):
        median, least, most = figure.median, min(figure.rounds), max(figure.rounds)
        reach = [[median - least], [most - median]]
        axis.barh(place, median, xerr=reach, color=_colour(figure.who), error_kw={"lw": 0.8})
        _label(axis, most, place, median)
    _name(axis, [figure.who for figure in figures])
    axis.margins(x=0.2)
    _entitle(axis, title, figures[0].unit)


def _label(axis: Axes, x: float, place: int, value: float) -> None:
    text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    axis.annotate(text, (x, place), (6, 0), textcoords="offset points", va="center", fontsize=9)


def _name(axis: Axes, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), [name.replace(", ", ",\n", 1) for name in names])
    axis.invert_yaxis()


def _colour(name: str) -> str:
    return _COLOURS.get(name.partition(",")[0], _COLOURS["certgate"])


def _of(book: Book, part: str, what: str) -> list[Figure]:
    return [item for item in book.figures if (item.part, item.what) == (part, what)]


def _full(axis: Axes, book: Book) -> None:
    found = _of(book, connections.PART, connections.CPU[False])
    _bars(axis, found, "Server CPU, full handshake")


def _resumed(axis: Axes, book: Book) -> None:
    found = _of(book, connections.PART, connections.CPU[True])
    _bars(axis, found, "Server CPU, resumed")


def _growth(axis: Axes, book: Book) -> None:
    """Draw the cost of a connection against the number of registered devices."""
    found = _of(book, scale.PART, scale.CPU)
    sizes = list(dict.fromkeys(item.who.partition(", ")[2] for item in found))
    for who in ("certgate", "Mosquitto"):
        mine = [item for item in found if item.who.startswith(who)]
        assert [item.who.partition(", ")[2] for item in mine] == sizes
        low, high = ([end(item.rounds) for item in mine] for end in (min, max))
        places = range(len(mine))
        axis.plot(places, [item.median for item in mine], "o-", color=_COLOURS[who], label=who)
        axis.fill_between(places, low, high, color=_COLOURS[who], alpha=0.2, lw=0)
    axis.set_xticks(range(len(sizes)), sizes)
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_ylabel("ms")
    axis.legend(frameon=False)
    _entitle(axis, "Server CPU of a connection", "registered devices, or entries of the CRL")


def _refusal(axis: Axes, book: Book) -> None:
    """Draw revocations: from the call to the answer, and to the first refusal."""
    answers = _of(book, revocation.PART, revocation.ANSWER)
    refusals = _of(book, revocation.PART, revocation.BOTH)
    for place, (answer, refusal) in enumerate(zip(answers, refusals, strict=True)):
        colour, ends = _colour(answer.who), (answer.median, refusal.median)
        axis.plot(ends, (place, place), color=colour)
        axis.plot(ends[0], place, "o", color=colour, markerfacecolor="white")
        axis.plot(ends[1], place, "o", color=colour)
        _label(axis, ends[1], place, ends[1])
    axis.plot([], [], "o", color="black", markerfacecolor="white", label="answered, or CRL written")
    axis.plot([], [], "o", color="black", label="refused")
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    _name(axis, [item.who for item in answers])
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:,g}")
    axis.margins(x=0.3)
    _entitle(axis, "Revocation", "ms after the call, or the change of the CRL")


def _slowest(axis: Axes, book: Book) -> None:
    found = _of(book, deletion.PART, deletion.SLOWEST)
    by_kind = sorted(found, key=lambda figure: figure.who.partition(",")[0], reverse=True)
    _bars(axis, by_kind, "99th percentile around a deletion")


def _memory(axis: Axes, book: Book) -> None:
    _bars(axis, _of(book, sessions.PART, sessions.MEMORY), "Memory of a session")


def _ready(axis: Axes, book: Book) -> None:
    _bars(axis, _of(book, start.PART, start.READY), "Start of the process")


def _life(axis: Axes, book: Book) -> None:
    _bars(axis, _of(book, start.PART, start.LIFE), "A fixture's whole life")


_PLOTS: dict[str, tuple[set[str], tuple[Panel, ...]]] = {
    "connections": ({connections.PART}, (_full, _resumed)),
    "scale": ({scale.PART, revocation.PART}, (_growth, _refusal)),
    "sessions": ({sessions.PART, deletion.PART}, (_memory, _slowest)),
    "start": ({start.PART}, (_ready, _life)),
}
