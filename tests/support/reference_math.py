"""What the reference implementation's scorer of MATH does, as its facts describe it (section 7.1).

Written from the description, quirks included, to hold the vectors against. Only its comparison is
another: sympy's grammar in lark stands for the one in ANTLR, which needs another runtime.
"""

from __future__ import annotations

import re
from typing import Final

import sympy
from lark.exceptions import LarkError
from sympy.parsing.latex import parse_latex

INVALID: Final = "[invalidanswer]"
HOPE: Final = "I hope it is correct."
BEGINNINGS: Final = ("Final Answer: The final answer is", "Therefore, the final answer is")
REPLACED: Final = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"),
    (",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
REMOVED: Final = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots",
    "sue", "points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters",
    "meals", "edges", "students", "childrentickets", "multiples", "\\text{s}", "\\text{.}",
    "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}", "\\mathrm{th}", "^\\circ",
    "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip


def extracted(text: str) -> str:
    """The answer of a text as it stands there."""
    whole = f"{text}{HOPE}"
    for beginning in BEGINNINGS:
        found = re.search(rf"{re.escape(beginning)}(.*?)\s*{re.escape(HOPE)}", whole)
        if found:
            return found[1].strip()
    boxed = re.search(r"\$\\boxed\{([^}]*)\}\$(?![^$]*\$\\boxed)", text)
    return boxed[1].strip() if boxed else INVALID


def normalised(answer: str) -> str:
    """An answer in the form that is compared."""
    text = answer.rsplit("=", maxsplit=1)[-1]
    for old, new in REPLACED:
        text = text.replace(old, new)
    for old in REMOVED:
        text = text.replace(old, "")
    text = re.sub(r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$", text)
    text = re.sub(r"(\\text\{)(.*?)(\})", r"\2", text)
    text = re.sub(r"(\\textbf\{)(.*?)(\})", r"\2", text)
    text = re.sub(r"(\\overline\{)(.*?)(\})", r"\2", text)
    text = re.sub(r"(\\boxed\{)(.*)(\})", r"\2", text)
    text = re.sub(r"(frac)([^{])(.)", r"frac{\2}{\3}", text)
    text = re.sub(r"(sqrt)([^{])", r"sqrt{\2}", text)
    text = text.replace("$", "")
    plain = text.replace(",", "")
    return plain if plain.isdigit() else text


def equal(one: str, other: str) -> bool:
    """Whether two normalised answers are one text, or one expression."""
    try:
        first, second = (parse_latex(text, backend="lark") for text in (one, other))
    except (LarkError, sympy.SympifyError, TypeError, AttributeError):
        return one == other
    # Points and sets, which the grammar in ANTLR does not read.
    if not (isinstance(first, sympy.Expr) and isinstance(second, sympy.Expr)):
        return one == other
    try:
        return bool(sympy.simplify(first - second) == 0)
    except (TypeError, ValueError, AttributeError):
        return one == other


def right(gold: str, response: str) -> bool:
    """Whether a response is right by it, with a gold answer that is normalised already."""
    return equal(gold, normalised(extracted(response)))
