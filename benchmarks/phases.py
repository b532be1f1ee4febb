"""Compiles the specs of a repository and prints, as JSON, the CPU seconds of each phase.

`scale.py` runs it in a process of its own:

python benchmarks/phases.py REPO memory|disk
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataenvgym_spec.compile import compiler
from dataenvgym_spec.compile.rules import table
from dataenvgym_spec.emit import write
from dataenvgym_spec.resolve import drafts
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout


class Clock:
    """CPU seconds by phase; what one phase calls of another counts for the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack = ["other"]
        self._since = time.process_time()

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, on the clock."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._stack.append(phase)
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._stack.pop()

        return call

    def put_on(self, phase: str, owner: Any, *names: str) -> None:
        """Puts functions of a module on the clock."""
        for name in names:
            setattr(owner, name, self.timed(phase, getattr(owner, name)))


def main(repo: Path, *, disk: bool) -> None:
    """Compiles and prints."""
    clock = Clock()
    clock.put_on("read", drafts, "read_family")
    clock.put_on("resolve", compiler, "examine")
    clock.put_on("check", table, "check")
    clock.put_on("unroll", compiler, "unroll")
    for phase, passes in (("share", "TRANSFORMS"), ("prove", "PROOFS")):
        timed = tuple(clock.timed(phase, item) for item in getattr(compiler, passes))
        setattr(compiler, passes, timed)
    clock.put_on("emit", write, "stage_files", "entry_file", "index", "entry", "dump")
    clock.put_on("write", atomic, "write", "write_directory")
    layout = Layout(root=repo)
    specs = compiler.front_end(layout.specs(), root=repo)
    compiled = compiler.lower(specs)
    compiler.warnings(specs, compiled.graph)
    if disk:
        write.write(compiled.graph, layout, everything=True)
    # Counts what has passed since the last switch.
    clock.timed("other", lambda: None)()
    figures = {
        "seconds": dict(clock.seconds),
        "stages": len(compiled.graph.stages),
        "unshared": compiled.unshared,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), disk=sys.argv[2] == "disk")
