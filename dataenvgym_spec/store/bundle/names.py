"""Which paths a bundle may bring: those that are plain names of files on every system.

A bundle is a stranger's file. A path that it brings must not leave the repository, on whichever
system it is opened; nor be a file that git, DVC, a shell or an editor obeys where it lies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

LONGEST_NAME: Final = 240
"""Bytes of a name; file systems take 255, and what is written first has a longer one."""
LONGEST_PATH: Final = 1000
"""Bytes of a path."""
MOST_FOLDERS: Final = 32
"""Folders on a path."""
TAKEN: Final = frozenset({"store", "experiments", "reports", "mlruns", "mlartifacts", "dvc_plots"})
"""Folders of a repository that `compile` and stages write."""
OWN: Final = re.compile(r"mlflow\.db.*|hardware\.yaml")
"""Files of a repository that are its user's own: a database of runs, and what machines to use."""
_FORBIDDEN: Final = frozenset('<>:"|?*\\')
"""Windows takes none of these in a name: `c:x` is a drive there, `x:y` a stream of `x`."""
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
"""Names of devices of Windows, with any ending."""
_SHORTENED: Final = re.compile(r".*~[0-9]+(\..*)?")
"""What Windows calls long names as well: `git~1` is `.git` there."""
_OBEYED: Final = re.compile(r"dvc\.(yaml|lock)|.*\.dvc|head")
"""Files that DVC or git obeys in every folder.

A `dvc.yaml` holds commands, and so may the `config` of a folder with a `HEAD`, which git takes for
a repository.
"""


def fault(path: str) -> str:
    """Why a path is none that a bundle may bring; empty if it is one.

    >>> fault("specs/prompts/first.j2")
    ''
    >>> fault("../outside")
    "has '..' in it"
    """
    if not path or len(path.encode("utf-8", "replace")) > LONGEST_PATH:
        return "is empty or too long"
    if path.startswith("/"):
        return "is absolute"
    names = path.split("/")
    if len(names) > MOST_FOLDERS:
        return "is too deep"
    for name in names:
        reason = _of_name(name)
        if reason:
            return reason
    return ""


def own_fault(path: str) -> str:
    """Why a path is no file of a study: also what stages write has no place among these."""
    first = path.partition("/")[0].casefold()
    if first in TAKEN:
        return "is where results are"
    return "is a file of whoever opens it" if OWN.fullmatch(first) else fault(path)


def _of_name(name: str) -> str:
    if name in ("", ".", ".."):
        return f"has '{name}' in it" if name else "has an empty name in it"
    if len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        return "has a name in it that is too long"
    if not name.isprintable() or "\ufffd" in name or "${" in name:
        return "has characters in it that a name may not have"
    if _FORBIDDEN.intersection(name) or name[-1] in ". ":
        return "is no path on every system"
    if name[0] in ".~-" or name[0].isspace():
        return "is hidden, or an option of programs"
    folded = _folded(name)
    if _DEVICES.fullmatch(folded) or _SHORTENED.fullmatch(folded):
        return "is a device or another name on some systems"
    if _OBEYED.fullmatch(folded):
        return "is a file that git or DVC obeys"
    return ""


def clash(paths: Sequence[str]) -> tuple[str, str] | None:
    """Two of some paths that are one place on some system, or of which one is in the other.

    >>> clash(["specs/a.yaml", "specs/A.yaml"])
    ('specs/A.yaml', 'specs/a.yaml')
    """
    seen: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in seen:
            return path, seen[folded]
        seen[folded] = path
    for path in paths:
        for folder in _above(_folded(path)):
            if folder in seen:
                return path, seen[folder]
    # A folder that is written in two ways is one folder on some systems, and two on others.
    written: dict[str, str] = {}
    for path in paths:
        for folder in _above(path):
            other = written.setdefault(_folded(folder), folder)
            if other != folder:
                return folder, other
    return None


def _above(path: str) -> Iterable[str]:
    """The folders that a path is in."""
    while path := path.rpartition("/")[0]:
        yield path


def _folded(text: str) -> str:
    """A text in the one form of those that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
