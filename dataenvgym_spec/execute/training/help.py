"""A machine's part of a training, beside the machine that runs the stage.

For engines that start all machines of a training: `dataenvgym join` is what a person starts. It is
`python -m dataenvgym_spec.execute.training.help FOLDER PARENT`, with the folder that the stage is
done in and the process that it ends with. Whoever has started it ends it with the stage.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.execute.training.machines import join, parts
from dataenvgym_spec.execute.warm.servers import make_room
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent, hear_interrupts


def help_with(folder: Path) -> int:
    """Takes part in the trainings of a stage; returns the exit code of the first that failed.

    Args:
        folder: in which the stage is done.

    Raises:
        StageError: this machine cannot take part.
    """
    for path, notice, rank in parts(Layout(root=folder)):
        place = socket.gethostname()
        print(f"  machine {rank + 1} of {notice.machines}: {place}", flush=True)
        # What the run keeps here is in the way of the training, as on the first machine.
        make_room((), os.environ, gpus=gpu_count() > 0)
        code = join(path, notice, rank)
        if code:
            return code
    raise AssertionError  # it looks for ever


def main(folder: str, parent: str) -> NoReturn:
    """Does it, and ends this process."""
    if int(parent):
        die_with_parent(int(parent))
    hear_interrupts()
    try:
        code = help_with(Path(folder))
    except UserError as error:
        print(f"error: {error.message}; {error.help}", file=sys.stderr, flush=True)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
