"""Reads the hardware profile that holds for a repository, and has an environment say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import platformdirs

from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.core.variables import HARDWARE, unfolded
from dataenvgym_spec.setup.hardware.profile import HardwareProfile

FILE: Final = "hardware.yaml"
POWERS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}
"""By the first letter of a unit, of 1000, or of 1024 where its second is an i."""


def profile_path(root: Path, environ: Mapping[str, str]) -> Path | None:
    """The file that holds for a repository.

    It is the one that `DATAENVGYM_HARDWARE` names, seen from the root of the repository, else the
    one there, else this user's in the platform's folder of configurations. None if there is none
    of them.

    Raises:
        UserError: the variable names a file that is not there.
    """
    named = environ.get(HARDWARE, "").strip()
    if named:
        # Stages look for it from folders of their own.
        path = root / unfolded(named)
        if not path.is_file():
            help = f"write it, or unset {HARDWARE}"
            raise UserError(f"{HARDWARE} names '{named}', which is no file", help=help)
        return path
    for path in (root / FILE, platformdirs.user_config_path("dataenvgym") / FILE):
        if path.is_file():
            return path
    return None


def read_profile(root: Path, environ: Mapping[str, str]) -> HardwareProfile:
    """Reads the profile that holds for a repository.

    Raises:
        SpecError: the file is no profile.
        UserError: the variable that names it names none.
    """
    path = profile_path(root, environ)
    if path is None:
        return HardwareProfile()
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return parsed_profile(path, str(shown))


def parsed_profile(path: Path, shown: str) -> HardwareProfile:
    """The profile in a file.

    Args:
        path: of the file.
        shown: how messages name it.

    Raises:
        SpecError: it is none.
    """
    # Imported late: most repositories have no profile, and each stage looks for one.
    from dataenvgym_spec.language import source
    from dataenvgym_spec.language.validate import against
    from dataenvgym_spec.setup.hardware.belongs import in_spec
    from dataenvgym_spec.setup.hardware.sbatch import not_free
    from dataenvgym_spec.setup.hardware.schema import SCHEMA

    faults: list[Diagnostic] = []
    tree = source.read(path, shown=shown, faults=faults)
    misplaced = [*in_spec(tree, SCHEMA), *not_free(tree)]
    said = {fault.span for fault in misplaced}
    # Such a key is unknown, too; that is said once.
    faults += [fault for fault in against(SCHEMA, tree) if fault.span not in said]
    faults += misplaced
    if faults:
        raise SpecError(sorted(faults, key=Diagnostic.order))
    content: Any = tree.plain() or {}
    slurm = content.get("slurm", {})
    for part in (content.get("machine", {}), slurm, slurm.get("light", {})):
        if "memory" in part:
            part["memory"] = as_bytes(part["memory"])
    return HardwareProfile.parse(content)


def as_bytes(text: str) -> int:
    """An amount of memory with its unit, in bytes.

    >>> as_bytes("1.5 GiB"), as_bytes("2GB")
    (1610612736, 2000000000)
    """
    unit = text.lstrip("0123456789. ")
    base = 1024 if "i" in unit else 1000
    return int(float(text.removesuffix(unit)) * base ** POWERS[unit[0]])


def with_profile(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed by what the profile of a repository says.

    Raises:
        SpecError: the file is no profile.
        UserError: the variable that names it names none.
    """
    set_by_user = {name: value for name, value in environ.items() if value.strip()}
    return {**environ, **read_profile(root, environ).variables(), **set_by_user}


@contextmanager
def applied(root: Path, environ: MutableMapping[str, str]) -> Iterator[None]:
    """Has an environment say what the profile says, for as long as a stage runs.

    Raises:
        UserError: the file is no profile, or the variable that names it names none.
    """
    before = dict(environ)
    try:
        added = with_profile(root, environ)
    except SpecError as error:
        first = error.diagnostics[0]
        where = f"{first.span}: " if first.span else ""
        raise UserError(f"{where}{first.message}", help=first.help) from error
    changed = {name: value for name, value in added.items() if before.get(name) != value}
    environ.update(changed)
    try:
        yield
    finally:
        for name in changed:
            if name in before:
                environ[name] = before[name]
            else:
                environ.pop(name, None)
