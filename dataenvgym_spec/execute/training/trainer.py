"""What `accelerate launch` starts: trains, in a warm worker if there is one.

It first ties itself to the life of its executor, and imports nothing heavy before: an orphan would
otherwise live on through seconds of imports.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dataenvgym_spec.execute.warm.client import EXECUTOR, delegate_training
from dataenvgym_spec.store.locks import die_with_parent, end_unless_descends_from


def main(config: str) -> int:
    """Trains as the file `config` says; returns the exit code."""
    die_with_parent()
    if EXECUTOR in os.environ:
        end_unless_descends_from(int(os.environ[EXECUTOR]))
    code = delegate_training(config, os.environ)
    if code is not None:
        return code
    from dataenvgym_spec.execute.training.job import run

    return run(Path(config))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
