"""A repository on disk: layout, atomic writes, locks, scratch, removal, DVC's and git's state.

What is written into it is decided in `emit` and `execute`. Only its paths are re-exported: every
command needs them, and most need nothing else.
"""

from dataenvgym_spec.store.layout import IGNORED, UNSEEN, Layout, find_root, kind_of

__all__ = ["IGNORED", "UNSEEN", "Layout", "find_root", "kind_of"]
