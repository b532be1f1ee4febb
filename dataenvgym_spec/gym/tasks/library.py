"""Imports reasoning-gym, without the package that draws plots.

One of its dependencies (cellpylib) imports matplotlib for functions that no data set calls. That
takes a third of the time and a quarter of the memory of the whole import.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

PLOTS: Final = ("matplotlib", "mpl_toolkits")


class _Empty(MetaPathFinder, Loader):
    """Finds an empty module, in which every name is there, for whatever is in some packages."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in PLOTS:
            return None
        return ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__getattr__"] = lambda _: object


@contextmanager
def _without_plots() -> Iterator[None]:
    """Imports empty modules in place of those that draw plots; later imports find the real ones."""
    if not sys.modules.keys().isdisjoint(PLOTS):
        yield
        return
    empty = _Empty()
    sys.meta_path.insert(0, empty)
    try:
        yield
    finally:
        sys.meta_path.remove(empty)
        for name in [name for name in sys.modules if name.partition(".")[0] in PLOTS]:
            del sys.modules[name]


with warnings.catch_warnings(), _without_plots():
    warnings.simplefilter("ignore", SyntaxWarning)  # of cellpylib
    import reasoning_gym
    from reasoning_gym.composite import DatasetSpec

__all__ = ["DatasetSpec", "reasoning_gym"]
