"""Specs that are much to read: each is refused, or done in bounded time and memory."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

from dataenvgym_spec.language.source import MAX_BYTES
from tests.fuzz.judge import Tally, judge
from tests.fuzz.mutation import SPEC
from tests.support.specs import TEMPLATE, TINY

MEMORY = 1 << 30


def aliases(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return TINY + "\n".join(lines) + "\n"


HEAVY: dict[str, Callable[[], str | bytes]] = {
    "billion laughs": lambda: aliases(30, 10),
    "laughs in the description": lambda: TINY.replace(
        "description: A spec", "description: &d [a, b]\nx: [*d, *d]\ny: A spec"
    ),
    "an anchor that holds itself": lambda: TINY.replace("arms:", "x: &x [*x]\narms:"),
    "brackets without end": lambda: "[" * 300_000,
    "braces without end": lambda: "{a: " * 90_000,
    "dashes without end": lambda: "- " * 150_000,
    "questions without end": lambda: "? " * 150_000,
    "indentation without end": lambda: "\n".join(" " * depth + "a:" for depth in range(800)),
    "a hundred megabytes": lambda: b"# " + b"x" * 100_000_000,
    "as long as may be": lambda: TINY + "#" + "x" * (MAX_BYTES - len(TINY) - 2),
    "a line without end": lambda: TINY.replace("A spec", "x" * (MAX_BYTES - len(TINY) - 2)),
    "many unknown keys on one line": lambda: (
        "{version: 1, " + ", ".join(f"k{n}: 1" for n in range(9000)) + "}"
    ),
    "many wrong families": lambda: TINY.replace(
        "families:\n", "families:\n" + "".join(f"        f{n}: {n}\n" for n in range(9000))
    ),
    "a list of mixed items": lambda: TINY.replace(
        "overlap: {action: reject",
        "overlap: {against: [1, " + ", ".join(f"a{n}" for n in range(9000)) + "], action: reject",
    ),
    "many axes": lambda: TINY + "matrix:\n" + "".join(f"  x.y{n}: [1]\n" for n in range(9000)),
    "a product without end": lambda: (
        TINY + "matrix:\n" + "".join(f"  loop.x{n}: [1, 2, 3, 4]\n" for n in range(60))
    ),
    "a path without end": lambda: TINY + f"matrix: {{{'a.' * 50_000}b: [1]}}\n",
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
    "digits without end": lambda: TINY.replace("iterations: 2", "iterations: " + "9" * 200_000),
    "many documents": lambda: "--- {}\n" * 40_000,
    "many anchors": lambda: "".join(f"a{n}: &b{n} x\n" for n in range(20_000)),
}


def heavy() -> None:
    """Validates every heavy spec, and prints what was wrong and the seconds it took: the whole work of a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, make in HEAVY.items():
        tally = Tally()
        text = make()
        files = {
            SPEC: text if isinstance(text, bytes) else text.encode(),
            "specs/prompts/tiny.j2": TEMPLATE.encode(),
        }
        problem = judge(files, ("validate", "--json"), Path.cwd(), tally)
        print(json.dumps([name, problem, round(tally.slowest, 2)]), flush=True)
