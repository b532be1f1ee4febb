"""From spec files to complete arms: extends, matrix, overrides, lock, files, defaults and lanes.

What a resolved experiment means, and whether it can work, is in `compile`. A function with the name
of its file is imported from the file.
"""

from dataenvgym_spec.resolve.arms import DEFAULT_ARM, Arm, Resolved
from dataenvgym_spec.resolve.columns import ColumnTable
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES
from dataenvgym_spec.resolve.lockfile import Fingerprint, Lock, Reference, Version
from dataenvgym_spec.resolve.merge import KeyPath, difference, parse_path, show_path
from dataenvgym_spec.resolve.resolve import examine, experiments_of
from dataenvgym_spec.resolve.same_as import stamps

__all__ = [
    "DEFAULT_ARM",
    "DEFAULT_SHARES",
    "Arm",
    "ColumnTable",
    "File",
    "Fingerprint",
    "KeyPath",
    "Lock",
    "Reference",
    "Resolved",
    "Version",
    "difference",
    "examine",
    "experiments_of",
    "parse_path",
    "show_path",
    "stamps",
]
