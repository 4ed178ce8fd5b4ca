"""How all pictures look: type, sizes, a caption that dates them, files that are reproducible."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from toolkit.errors import MissingError
from toolkit.report.symbols import without_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 8.0
DPI = 160
LONGEST_LABEL = 41
"""Characters: names of rows leave most of the width to what is drawn."""

INK, FAINT, SHADE = "#222222", "#6b6b6b", "#e4e4e4"
CAPTION_POINTS = 7.5
TITLE_POINTS = 12
_CAPTION_COLUMNS = 140
_TITLE_COLUMNS = 76
_LINE_IN = 0.145
_TITLE_IN = 0.22
_COUNTS = re.compile(r"(?<=\d) (?=threads?\b)|(?<=batch) (?=\d)")
"""Spaces at which a title is not folded."""

_LOOK: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": ["DejaVu Sans"],  # comes with matplotlib, so text is as wide everywhere
        "font.size": 10.0,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "text.color": INK,
        "text.parse_math": False,  # names may hold a dollar sign
        "legend.frameon": False,
        "svg.hashsalt": "toolkit",  # else every file has other ids
        "svg.fonttype": "path",
    }
)


def matplotlib() -> ModuleType:
    """The library; raises `MissingError` without it."""
    try:
        import matplotlib as found
    except ImportError as error:
        hint = "pip install 'torch-export-toolkit[report]'"
        raise MissingError(f"pictures need matplotlib: {error}", hint=hint) from error
    return found


@contextmanager
def styled() -> Iterator[None]:
    """Our look alone: what the user has set for plots of their own stays out of it."""
    library = matplotlib()
    with library.rc_context(), warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes: the results file has it.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        library.rcdefaults()
        library.rcParams.update(_LOOK)
        yield


def figure(height_in: float, caption: Sequence[str], title: str) -> tuple[Figure, Axes]:
    """A picture whose axes are `height_in` inches high, with its title above and a caption below.

    Titles and captions are folded to the picture's width.
    """
    from matplotlib.figure import Figure

    lines = [folded for line in caption for folded in textwrap.wrap(line, _CAPTION_COLUMNS)]
    heads = textwrap.wrap(_COUNTS.sub("\N{NO-BREAK SPACE}", plain(title)), _TITLE_COLUMNS)
    below, above = len(lines) * _LINE_IN + 0.1, len(heads) * _TITLE_IN + 0.15
    total = height_in + below + above
    made = Figure(figsize=(WIDTH_IN, total), dpi=DPI, layout="constrained")
    made.get_layout_engine().set(rect=(0, below / total, 1, height_in / total))  # type: ignore[union-attr,call-arg]
    axes = made.add_subplot()
    head = made.text(0.1 / WIDTH_IN, 1 - 0.12 / total, "\n".join(heads), va="top")
    head.set(fontsize=TITLE_POINTS, fontweight="bold")
    at = (0.1 / WIDTH_IN, 0.05 / total)
    text = made.text(*at, "\n".join(map(plain, lines)), va="bottom", linespacing=1.3)
    text.set(fontsize=CAPTION_POINTS, color=FAINT)
    return made, axes


def plain(text: str) -> str:
    """Text on one line that a picture can hold."""
    return without_controls(text).replace("\n", " ")


def label(text: str) -> str:
    """The same, short enough to stand beside the axes: cut in its middle."""
    line = plain(text)
    if len(line) <= LONGEST_LABEL:
        return line
    half = (LONGEST_LABEL - 1) // 2
    return f"{line[:half]}…{line[-half:]}"


def save(made: Figure, stem: Path) -> list[Path]:
    """Both files of a picture, without a date or a version in them."""
    nothing = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    made.draw_without_rendering()
    made.set_layout_engine("none")  # done: it takes longer than the drawing itself
    paths = []
    for kind, metadata in nothing.items():
        path = stem.with_name(f"{stem.name}.{kind}")
        made.savefig(path, format=kind, metadata=metadata)
        paths.append(path)
    return paths
