"""How many programs a second are judged, beside as many bare starts of an interpreter.

`python benchmarks/programs.py [PROGRAMS] [ROUNDS]`: small functions with six tests each. A bare
start executes program and tests in one process, without any sandbox, as many at once as there are
cores; ours judges them as answers that a model wrote, each in processes of its own in bubblewrap.
The two take turns, so that what else the machine does hits both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

from dataenvgym_spec.gym.make import Named
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.gym.tasks.sources.programs import Programs
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import Item

FAMILIES: Final[dict[str, Mapping[str, Any]]] = {
    topic: {"topic": topic, "steps": 2, "largest": 20} for topic in ("numbers", "lists", "strings")
}


def problems(count: int) -> list[Item]:
    source = Programs(families=FAMILIES, tests=6, examples=0)
    each = -(-count // len(FAMILIES))
    made = [item for group in source.groups() for item in islice(source.stream(group, 0), each)]
    return made[:count]


def judge() -> Judge:
    """The scorer of programs with its standard options."""
    declared = definition("scorer", "programs")
    options = {}
    for name, option in declared.schema["properties"].items():
        if "default" in option:
            options[name] = option["default"]
    version = declared.version()
    return Judge(Named(slot="scorer", kind="programs", version=version, options=options, parts={}))


def bare(item: Item) -> bool:
    """Whether a program passes in a plain interpreter."""
    tests = [
        f"assert solve(*{test['arguments']!r}) == {test['value']!r}"
        for test in item.verifier["tests"]
    ]
    program = "\n".join([item.target, *tests])
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def rate(work: Callable[[], int], count: int) -> float:
    """Programs a second; every one of them has to pass."""
    started = time.monotonic()
    passed = work()
    assert passed == count, f"{passed} of {count} passed"
    return count / (time.monotonic() - started)


def main() -> None:
    numbers = [*map(int, sys.argv[1:]), *(300, 5)[len(sys.argv) - 1 :]]
    count, rounds = numbers[:2]
    items = problems(count)
    answers = [(item, Answer(text=item.target)) for item in items]
    judging = judge()
    judging.score(answers[:2])  # it has started

    def ours() -> int:
        return sum(score.correct for score in judging.score(answers))

    def plain() -> int:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return sum(threads.map(bare, items))

    pairs = [(rate(ours, count), rate(plain, count)) for _ in range(rounds)]
    judging.close()
    for one, other in pairs:
        print(f"judged {one:6.1f} a second, bare starts {other:6.1f}, ratio {one / other:.2f}")
    print(f"median ratio {statistics.median(one / other for one, other in pairs):.2f}")


if __name__ == "__main__":
    main()
