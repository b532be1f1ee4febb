"""What is looked at before anything of a bundle is written: paths, sizes, what belongs together.

What its results have to fit, the stages that its spec compiles to, is looked at in
`questions.bundled`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError, visible
from dataenvgym_spec.core.hashing import SHORT
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.store.bundle.manifest import Manifest
from dataenvgym_spec.store.bundle.names import clash, fault, own_fault
from dataenvgym_spec.store.layout import kind_of

MOST_ENTRIES: Final = 500_000
"""Files and objects of a bundle."""
SMALL: Final = 256 << 20
"""Bytes to which a bundle may unpack whatever its own size is."""
LONGEST_TEXT: Final = 64 << 20
"""Bytes of what is read whole: a list of files, a line."""
DENSEST: Final = 200
"""How many times its own size a bundle may unpack to beyond that: text packs to a tenth."""
ANEW: Final = "ask whoever made it for it anew; nothing was written"


def refuse(message: str) -> UserError:
    """The error for a bundle that is not what one has to be."""
    return UserError(f"the bundle is refused: {visible(message)}", help=ANEW)


def check(manifest: Manifest, packed: int) -> None:
    """Checks what a bundle says of itself.

    Args:
        manifest: what it says.
        packed: the size of the file.

    Raises:
        UserError: it brings what none may bring, or contradicts itself.
    """
    _check_sizes(manifest, packed)
    _check_paths(manifest)
    _check_stages(manifest)


def _check_sizes(manifest: Manifest, packed: int) -> None:
    entries = len(manifest.files) + len(manifest.objects) + len(manifest.withheld)
    if entries > MOST_ENTRIES:
        raise refuse(f"it names {entries} files")
    contents = manifest.contents()
    for digest, size in manifest.sizes():
        if contents[digest] != size:
            raise refuse(f"it gives two sizes to the content {digest}")
    total = sum(contents.values())
    if total > max(SMALL, DENSEST * packed):
        raise refuse(f"its {size_text(packed)} would unpack to {size_text(total)}")


def _check_paths(manifest: Manifest) -> None:
    paths = [file.path for file in manifest.files]
    for path in paths:
        reason = own_fault(path)
        if reason:
            raise refuse(f"the path '{path}' {reason}")
    both = clash(paths)
    if both:
        raise refuse(f"'{both[0]}' and '{both[1]}' are one place on some systems")
    if manifest.spec not in paths:
        raise refuse(f"it does not hold its spec, '{manifest.spec}'")


def _check_stages(manifest: Manifest) -> None:
    directories = [stage.directory for stage in manifest.stages]
    _check_unique(directories)
    _check_unique(item.name for item in manifest.experiments)
    _check_unique(item.md5 for item in manifest.objects)
    known = {file.path for file in manifest.files}
    known |= {folder for path in known for folder in _folders(path)}
    for stage in manifest.stages:
        if stage.directory != f"{kind_of(stage.directory)}-{stage.key[:SHORT]}":
            raise refuse(f"the key of '{stage.directory}' is another")
        for path in (stage.files or {}).values():
            if path not in known:
                raise refuse(f"'{stage.directory}' names '{path}', which is not in it")
    for item in manifest.experiments:
        if not set(directories).issuperset(item.stages):
            raise refuse(f"'{item.name}' has stages that are not in it")


def _check_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise refuse(f"it names '{name}' twice")
        seen.add(name)


def _folders(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path


def check_listing(digest: str, text: bytes, known: Collection[str]) -> frozenset[str]:
    """Checks what an object says that lists the files of a folder; gives the objects that they are.

    DVC writes each of them where the listing says, whatever that is.

    Args:
        digest: of the object.
        text: its content.
        known: the objects that a bundle holds or says that it does not.

    Raises:
        UserError: it is no listing, or names what none may name.
    """
    rows = _rows(text) if len(text) <= LONGEST_TEXT else None
    if rows is None:
        raise refuse(f"the result {digest} is no list of files")
    for path, file in rows:
        reason = fault(path)
        if reason:
            raise refuse(f"the result {digest} holds '{path}', which {reason}")
        if file not in known or file.endswith(".dir"):
            raise refuse(f"the result {digest} holds '{path}', whose content is not in it")
    both = clash([path for path, _ in rows])
    if both:
        raise refuse(f"the result {digest} holds '{both[0]}' and '{both[1]}', which are one place")
    return frozenset(file for _, file in rows)


def _rows(text: bytes) -> list[tuple[str, str]] | None:
    """The files of a listing with their hashes; None if it is none."""
    try:
        content: Any = json.loads(text)
        if not isinstance(content, list):
            return None
        rows = [(row["relpath"], row["md5"]) for row in content if len(row) == 2]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    plain = all(isinstance(path, str) and isinstance(file, str) for path, file in rows)
    return rows if plain and len(rows) == len(content) else None
