r"""Tables as text for other programs: Markdown, CSV and LaTeX, with foreign text made harmless.

A cell can hold what a model or a stranger wrote. In Markdown it may not become markup or a link, in
a spreadsheet no formula, in LaTeX no command.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from dataenvgym_spec.core.foreign import clean, markdown_text
from dataenvgym_spec.report.tables import TextTable

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "-": r"{-}",
}
_FORMULA: Final = ("=", "+", "-", "@")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9.,]*(e[+-]?[0-9]+)?", re.IGNORECASE)


def csv_cell(text: str) -> str:
    """Foreign text for a cell that a spreadsheet opens: no formula.

    A text that begins like one, be it in full width, gets an apostrophe, as OWASP advises (CSV
    injection); a number stays a number.

    >>> csv_cell("=1+1"), csv_cell("-2.5"), csv_cell(" @sum"), csv_cell("a-b")
    ("'=1+1", '-2.5', "' @sum", 'a-b')
    """
    cell = clean(text)
    first = unicodedata.normalize("NFKC", cell.lstrip()[:1])
    if first in _FORMULA and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def latex_text(text: str) -> str:
    r"""Foreign text for LaTeX: no character of it is a command.

    >>> print(latex_text("50% of $x_1$ & \\input{/etc/passwd}"))
    50\% of \$x\_1\$ \& \textbackslash{}input\{/etc/passwd\}
    """
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(clean(text).split()))


def markdown(table: TextTable) -> str:
    """A table as Markdown; equal tables give equal text."""
    head = [name.lstrip("#") for name in table.head]
    sides = ["---:" if name.startswith("#") else "---" for name in table.head]
    rows = [map(markdown_text, head), sides]
    rows += [map(markdown_text, line.cells) for line in table.lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV. Numbers are written as they are, texts made harmless, None is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def latex(table: TextTable, label: str = "") -> str:
    r"""A table as LaTeX, with the rules of the package `booktabs`.

    Args:
        table: the table; its title is the caption.
        label: what `\ref` calls it; empty for none.
    """
    columns = "".join("r" if name.startswith("#") else "l" for name in table.head)
    head = " & ".join(latex_text(name.lstrip("#")) for name in table.head)
    lines = [r"\begin{table}", r"  \centering", f"  \\caption{{{latex_text(table.title)}}}"]
    if label:
        # A label is no text: it may hold letters, digits and a few signs.
        lines.append(f"  \\label{{{re.sub(r'[^A-Za-z0-9:.-]', '-', label)}}}")
    lines += [f"  \\begin{{tabular}}{{{columns}}}", r"    \toprule", f"    {head} \\\\"]
    lines.append(r"    \midrule")
    for line in table.lines:
        cells = [_latex_cell(*pair) for pair in zip(table.head, line.cells, strict=True)]
        lines.append(f"    {' & '.join(cells)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def _latex_cell(column: str, text: str) -> str:
    """A cell; a number has a minus and no hyphen."""
    cell = latex_text(text)
    return cell.replace("{-}", "$-$") if column.startswith("#") else cell
