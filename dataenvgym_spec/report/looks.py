"""How a figure looks and what becomes of it: inline in the page, or a file for a paper.

A figure is drawn once, in `drawing`; the colours and the ending are handed to it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

Settings = dict[str, Any]

_METADATA: Final = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""What Matplotlib would write into a file is left out, because it changes between machines."""
_INK: Final = "#010101"
_HUES: Final = tuple(f"#0101a{number}" for number in range(8))
"""Stand-ins for the page's `--ink` and `--hue-0` ...: Matplotlib knows no CSS variables."""
_PRINTED: Final = (
    *("#0064a4", "#c2510c", "#00805c", "#a8447f"),
    *("#8a6d00", "#3a7fb5", "#6a4ea3", "#5f6670"),
)
"""The same colours as those of the page where it is light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How figures look.

    Attributes:
        ink: the colour of text and axes.
        hues: of arms, checks and so on.
        finish: takes a figure and its name, and gives what stands for it.
        legend: whether a figure says itself which colour is which.
        settings: of Matplotlib.
    """

    ink: str
    hues: tuple[str, ...]
    finish: Callable[[Figure, str], str]
    legend: bool = False
    settings: Settings = field(default_factory=dict)


def _inline(figure: Figure, name: str) -> str:
    """The `<svg>` element alone, fit to stand in a page.

    It has no prologue, namespaces, global style or size, ids of its own, and the page's colours.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=_METADATA)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    size = box[0] if box else ""
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'(xlink:)?href="#', f'href="#{name}-', rest)
    rest = rest.replace("url(#", f"url(#{name}-")
    rest = rest.replace(_INK, "var(--ink)")
    for number, stand_in in enumerate(_HUES):
        rest = rest.replace(stand_in, f"var(--hue-{number})")
    return f'<svg {size} aria-hidden="true">{rest.strip()}'


# Text stays text, in the page's font; legends are HTML of the page, so that they wrap on a phone.
PAGE: Final = Look(ink=_INK, hues=_HUES, finish=_inline, settings={"svg.fonttype": "none"})


def printed(folder: Path, formats: tuple[str, ...]) -> Look:
    """For a paper: files in a folder, on white, each with its legend and with letters as shapes.

    The same records give the same SVG. What stands for a figure are the names of its files.

    Args:
        folder: where they go.
        formats: `png`, `svg`.
    """

    def save(figure: Figure, name: str) -> str:
        names = []
        for form in formats:
            path = folder / f"{name}.{form}"
            metadata = _METADATA if form == "svg" else {"Software": None}
            figure.savefig(path, format=form, dpi=200, metadata=metadata)
            names.append(path.name)
        return "\n".join(names)

    settings: Settings = {"svg.fonttype": "path", "figure.facecolor": "white"}
    return Look(ink="#1d2126", hues=_PRINTED, finish=save, legend=True, settings=settings)
