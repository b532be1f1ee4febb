"""Which part of an answer is the program, by one rule that a spec's options choose from.

1. Blocks are what stands between two lines of three or more backticks (or tildes); the first may
   name a language, and the second is as long as the first or longer. One that is never closed goes
   on to the end of the answer; where the answer was cut off, it is no block, and there is none.
2. Of several blocks one counts: the last, the first or the longest.
3. Without a block the whole answer is the program, unless the options ask for one.
4. A program that does not define what is asked for goes on where the starter code ends, up to its
   first line that is not indented: so a model that only completes code is read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Which = Literal["last", "first", "longest"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`]*)$")


class Block(NamedTuple):
    """A block of code in an answer.

    Attributes:
        code: what it holds.
        closed: whether its end is there.
    """

    code: str
    closed: bool


def blocks(text: str) -> Iterator[Block]:
    r"""The blocks of an answer, in their order.

    >>> list(blocks("So:\n```python\nx = 1\n```\nand\n```\nx = 2"))
    [Block(code='x = 1\n', closed=True), Block(code='x = 2\n', closed=False)]
    """
    fence, lines = "", list[str]()
    for line in text.splitlines():
        found = _FENCE.match(line)
        if not fence and found:
            fence, lines = found[1], []
        elif fence and found and found[1].startswith(fence) and not found[2].strip():
            yield _block(lines, closed=True)
            fence = ""
        elif fence:
            lines.append(line)
    if fence:
        yield _block(lines, closed=False)


def _block(lines: list[str], *, closed: bool) -> Block:
    return Block(code="".join(f"{line}\n" for line in lines), closed=closed)


def program_of(text: str, *, truncated: bool, block: Which, bare: bool) -> str | None:
    r"""The program in an answer; None if there is none.

    Args:
        text: the answer.
        truncated: whether it was cut at the longest length allowed.
        block: which block counts.
        bare: whether an answer without a block is a program.

    >>> program_of("```\nx = 1\n```\n```\nx =", truncated=True, block="last", bare=True)
    >>> program_of("x = 1", truncated=False, block="last", bare=True)
    'x = 1'
    """
    found = list(blocks(text))
    if not found:
        return text if bare and text.strip() else None
    if truncated and not found[-1].closed:
        return None
    if block == "longest":
        return max((one.code for one in found), key=len)
    return found[-1 if block == "last" else 0].code


def completed(program: str, *, starter: str, entry: str) -> str:
    r"""A program that defines what is asked for: itself, or the starter code that it goes on with.

    Args:
        program: as it stands in the answer.
        starter: the code that the question begins.
        entry: the name of the function that is asked for; empty where none is.

    >>> completed("    return 1\nprint(f())", starter="def f():\n", entry="f")
    'def f():\n    return 1\n'
    """
    if not starter or not entry or defines(program, entry):
        return program
    lines: list[str] = []
    for line in program.splitlines():
        if lines and line.strip() and not line[0].isspace():
            break
        lines.append(line)
    return "\n".join([starter.rstrip(), *lines, ""])


def defines(program: str, name: str) -> bool:
    """Whether a program gives a function a name, itself or in its class `Solution`."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return re.search(rf"\bdef\s+{re.escape(name)}\b", program) is not None
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == "Solution":
            body = [*body, *node.body]
    return any(name in _names(node) for node in body)


def _names(node: ast.stmt) -> set[str]:
    """The names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}
