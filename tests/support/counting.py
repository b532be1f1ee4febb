"""Work that can be counted, in place of time: the same on a busy machine as on an idle one."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from functools import partial


def calls(work: Callable[[], object]) -> int:
    """How many calls some work makes in this thread, of functions in Python and in C."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def grows_no_faster_than_its_input(work: Callable[[int], object], size: int) -> bool:
    """Whether doubling an input at most doubles the work that it adds.

    Work that grows with the square of its input adds four times as much; work that is cut off at a
    bound adds none. Work that is the same for every size cancels out.
    """
    work(1)
    small, middle, large = (calls(partial(work, size * times)) for times in (1, 2, 4))
    return large - middle <= 2.3 * max(middle - small, 1000)
