"""Tables of texts in a terminal and in a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.core.errors import seen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dataenvgym_spec.report.tables import TextTable

WORDS: Final = 16
"""Columns of a terminal that words have at least."""
ENDLESS: Final = 100_000
"""Columns of what is no terminal, where nobody says how many it has."""


def harmless(text: str, style: str = "") -> Text:
    r"""A text for a terminal, which shows its characters and obeys none of them.

    >>> print(harmless("a\x1b[2J\nb\u202ec").plain)
    a\x1b[2J
    b\u202ec
    """
    from rich.text import Text

    return Text(seen(text), style=style)


def print_table(console: Console, table: TextTable) -> None:
    """Prints a table without its title: words make way where there is little room.

    Nothing is cut: in a narrow terminal words go on in the next line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False)
    least = 0
    for number, name in enumerate(map(seen, table.head)):
        width = max(len(seen(line.cells[number])) for line in table.lines)
        if name.startswith("#"):
            # Numbers stay whole, whatever room there is: words make way.
            heading = name.lstrip("#")
            if len(heading) > width:
                heading = heading.replace(" ", "\n")
            width = max(width, *map(len, heading.split("\n")))
            grid.add_column(Text(heading), justify="right", min_width=width, no_wrap=True)
        else:
            width = min(WORDS, max(width, len(name)))
            grid.add_column(Text(name), min_width=width, overflow="fold")
        least += width + 2
    for line in table.lines:
        first, *rest = line.cells
        cells = [harmless(f"  {first}" if line.inner else first), *map(harmless, rest)]
        grid.add_row(*cells, style="bold" if line.whole else None)
    room = console.width if console.is_terminal or "COLUMNS" in os.environ else ENDLESS
    # Where a terminal is too narrow for that, lines are longer than it is.
    Console(width=max(room, least)).print(grid)
