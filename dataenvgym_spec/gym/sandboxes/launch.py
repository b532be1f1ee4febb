"""Becomes a program inside of bubblewrap: writes its files, sets its limits, and executes it.

It is called as `python -m ...launch LIMITS COMMAND...`, with the limits as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import GIVEN
from dataenvgym_spec.gym.sandboxes.confine import address_space, bound
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits


def main() -> None:
    """Executes the command; what it writes stays in memory and is gone with it."""
    limits, command = SandboxLimits(**json.loads(sys.argv[1])), sys.argv[2:]
    for name, text in json.loads(Path(GIVEN).read_text(encoding="utf-8")).items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    bound(limits, address_space())
    if calls.possible():
        calls.install("program" if limits.processes == 1 else "programs", writes=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
