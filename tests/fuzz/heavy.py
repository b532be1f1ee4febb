"""Specs that are much to read: each is refused, or done with bounded work and memory."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dataenvgym_spec.language.source import MAX_BYTES
from tests.fuzz.judge import Tally, judge
from tests.fuzz.mutation import SPEC, Files
from tests.support.specs import TEMPLATE, TINY

MEMORY = 1 << 30


def aliases(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return TINY + "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """A spec of any size.

    Attributes:
        full: a size that is as much as a spec may hold, or more.
        make: the text of a size.
        small: a size at which its growth can be counted quickly.
    """

    full: int
    make: Callable[[int], str]
    small: int = 100


GROWING: dict[str, Growing] = {
    "billion laughs": Growing(full=30, make=lambda n: aliases(n, 10), small=8),
    "brackets without end": Growing(full=300_000, make=lambda n: "[" * n),
    "braces without end": Growing(full=90_000, make=lambda n: "{a: " * n),
    "dashes without end": Growing(full=150_000, make=lambda n: "- " * n),
    "questions without end": Growing(full=150_000, make=lambda n: "? " * n),
    "indentation without end": Growing(
        full=800, make=lambda n: "\n".join(" " * depth + "a:" for depth in range(n))
    ),
    "as long as may be": Growing(
        full=MAX_BYTES - len(TINY) - 2, make=lambda n: TINY + "#" + "x" * n
    ),
    "a line without end": Growing(
        full=MAX_BYTES - len(TINY) - 2, make=lambda n: TINY.replace("A spec", "x" * n)
    ),
    "many unknown keys on one line": Growing(
        full=9000, make=lambda n: "{version: 1, " + ", ".join(f"k{i}: 1" for i in range(n)) + "}"
    ),
    "many wrong families": Growing(
        full=9000,
        make=lambda n: TINY.replace(
            "families:\n", "families:\n" + "".join(f"        f{i}: {i}\n" for i in range(n))
        ),
    ),
    "many unknown families": Growing(
        full=3000,
        make=lambda n: TINY.replace(
            "        sum:", "".join(f"        fam{i}: {{}}\n" for i in range(n)) + "        sum:"
        ).replace(
            "examples: {sum: 60}", f"examples: {{{', '.join(f'fam{i}x: 6' for i in range(n))}}}"
        ),
    ),
    "a list of mixed items": Growing(
        full=9000,
        make=lambda n: TINY.replace(
            "overlap: {action: reject",
            "overlap: {against: [1, " + ", ".join(f"a{i}" for i in range(n)) + "], action: reject",
        ),
    ),
    "many axes": Growing(
        full=9000,
        make=lambda n: TINY + "matrix:\n" + "".join(f"  x.y{i}: [1]\n" for i in range(n)),
        small=200,  # more than a matrix may have, at each size
    ),
    "a product without end": Growing(
        full=60,
        make=lambda n: (
            TINY + "matrix:\n" + "".join(f"  loop.x{i}: [1, 2, 3, 4]\n" for i in range(n))
        ),
        small=7,
    ),
    "a path without end": Growing(
        full=50_000,
        make=lambda n: TINY + f"matrix: {{{'a.' * n}b: [1]}}\n",
        small=1000,
    ),
    "digits without end": Growing(
        full=200_000, make=lambda n: TINY.replace("iterations: 2", "iterations: " + "9" * n)
    ),
    "many documents": Growing(full=40_000, make=lambda n: "--- {}\n" * n),
    "many anchors": Growing(
        full=20_000, make=lambda n: "".join(f"a{i}: &b{i} x\n" for i in range(n))
    ),
}

HEAVY: dict[str, Callable[[], str | bytes]] = {
    **{name: partial(growing.make, growing.full) for name, growing in GROWING.items()},
    "laughs in the description": lambda: TINY.replace(
        "description: A spec", "description: &d [a, b]\nx: [*d, *d]\ny: A spec"
    ),
    "an anchor that holds itself": lambda: TINY.replace("arms:", "x: &x [*x]\narms:"),
    "a hundred megabytes": lambda: b"# " + b"x" * 100_000_000,
    "loops without end": lambda: TINY.replace("iterations: 2", "iterations: 1000").replace(
        "refill: 1", "refill: 20"
    ),
    "seeds without end": lambda: (
        TINY.replace("iterations: 2", "iterations: 1000") + f"seeds: {{run: {list(range(1000))}}}\n"
    ),
    "families beyond any number": lambda: TINY.replace(
        "min_value: 1, max_value: 30", f"min_value: -{2**62}, max_value: {2**62}"
    ).replace("max_numbers: 2", "max_numbers: 20"),
    "a family of minus a quintillion terms": lambda: TINY.replace(
        "min_terms: 2", f"min_terms: -{10**18}"
    ).replace("min_numbers: 2", f"min_numbers: -{10**18}"),
}


def files_of(text: str | bytes) -> Files:
    """A repository's files: a spec, and the template that it names."""
    content = text if isinstance(text, bytes) else text.encode()
    return {SPEC: content, "specs/prompts/tiny.j2": TEMPLATE.encode()}


def heavy() -> None:
    """Validates every heavy spec, and prints what was wrong and the CPU seconds that it took.

    The whole work of a process of its own, since the limit of memory holds for it.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, make in HEAVY.items():
        tally = Tally()
        problem = judge(files_of(make()), ("validate", "--json"), Path.cwd(), tally)
        print(json.dumps([name, problem, round(tally.slowest, 2)]), flush=True)
