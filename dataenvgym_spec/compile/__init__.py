"""Specs in, one proved graph out: rules about meaning, lowering, passes.

Nothing is written here; see `emit`. `lower` is imported from `compile.compiler`: the package
of that name has its parts.
"""

from dataenvgym_spec.compile.compiler import Compiled, Locks, front_end, read_lock, warnings

__all__ = ["Compiled", "Locks", "front_end", "read_lock", "warnings"]
