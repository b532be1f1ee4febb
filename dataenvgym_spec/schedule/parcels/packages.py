"""Which packages stages need of the machine that does them, and which of those a machine lacks.

Only what both have in other releases is in `parcel.differences`: a machine may lack what no stage
of a run needs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from dataenvgym_spec.graph.ir import Stage


def needed(stages: Iterable[Stage]) -> list[str]:
    """The packages that the components of stages need, by the names that Python imports."""
    found = set[str]()
    for stage in stages:
        for _, component in stage.params.components():
            for part in component.walk():
                found.update(name.partition(".")[0] for name in part.definition.packages)
    return sorted(found)


def lacking(packages: Iterable[str]) -> list[str]:
    """Those that are not installed here. None is imported.

    >>> lacking(["json", "no_such_package"])
    ['no_such_package']
    """
    return [name for name in packages if importlib.util.find_spec(name) is None]
