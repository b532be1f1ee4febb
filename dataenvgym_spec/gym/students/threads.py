"""How many threads a model on the CPU gets."""

from __future__ import annotations

import os
from typing import Any, Final

import torch

from dataenvgym_spec.core.variables import ONE_THREAD, THREADS, count

SMALL: Final = ONE_THREAD
"""Parameters below which one thread is enough.

A second thread made a million-parameter student 15% faster on two idle cores, and eight times
slower beside one other busy process: OpenMP's threads wait for each other at every small operation.
"""


def settle(model: Any, processes: int = 1) -> None:
    """Sets torch's number of threads for a model; `DATAENVGYM_THREADS` overrides it.

    With one thread, a small student's bits do not depend on the number of cores either.

    Args:
        model: a torch module.
        processes: that share this machine's cores.

    Raises:
        UserError: the variable is no such number.
    """
    wanted = count(os.environ, THREADS)
    if wanted is not None:
        torch.set_num_threads(wanted)
        return
    parameters = sum(part.numel() for part in model.parameters())
    if parameters < SMALL:
        torch.set_num_threads(1)
    elif processes > 1:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))
