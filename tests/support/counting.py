"""Work that can be counted, in place of time: the same on a busy machine as on an idle one."""

from __future__ import annotations

import cProfile
import sys
from collections import Counter
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


def opened(work: Callable[[], object]) -> Counter[str]:
    """The files that some work opens in this process, with how often."""
    if not _HOOKED:
        # An audit hook cannot be removed: there is one, which mostly does nothing.
        sys.addaudithook(_note)
        _HOOKED.append(True)
    files: Counter[str] = Counter()
    _NOTING.append(files)
    try:
        work()
    finally:
        _NOTING.remove(files)
    return files


_HOOKED: list[bool] = []
_NOTING: list[Counter[str]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _NOTING and isinstance(arguments[0], str):
        for files in _NOTING:
            files[arguments[0]] += 1
