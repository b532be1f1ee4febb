"""What a `dvc.lock` says, as records that can be written again: text in, the same text out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.store.dvc.dialect import dump, load

SCHEMA: Final = "2.0"
_DAMAGE: Final = (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError)

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}(\.dir)?\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class LockedPath(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file or folder as DVC has found it."""

    path: Annotated[str, msgspec.Meta(max_length=4000)]
    md5: Digest
    size: Count | None = None
    nfiles: Count | None = None
    isexec: bool | None = None


class LockedStage(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage has read and written."""

    cmd: Annotated[str, msgspec.Meta(max_length=4000)]
    deps: tuple[LockedPath, ...] = ()
    outs: tuple[LockedPath, ...] = ()

    def digests(self) -> dict[str, str]:
        """The hashes of what it has written, by path."""
        return {out.path: out.md5 for out in self.outs}


def read_locked(path: Path, stage: str) -> LockedStage | None:
    """A stage of a `dvc.lock`; None if it holds none, or there is no file.

    Raises:
        UserError: it is damaged, or has what no stage of ours has.
    """
    try:
        body = _stages(path).get(stage)
        return None if body is None else _stage(body)
    except _DAMAGE as error:
        raise _damaged(path) from error


def _stages(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content: dict[str, Any] = load(path.read_text(encoding="utf-8")) or {}
    return dict(content.get("stages") or {})


def _damaged(path: Path) -> UserError:
    message = f"'{path}' is damaged or half-written"
    help = f"restore it: git checkout HEAD -- {path} (or delete it: DVC makes it anew)"
    return UserError(message, help=help)


def _stage(body: Any) -> LockedStage:
    rows = {part: [_row(row) for row in body.get(part, ())] for part in ("deps", "outs")}
    return LockedStage.parse({"cmd": body["cmd"], **rows})


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hash"}


def lock_text(stages: Mapping[str, LockedStage]) -> str:
    """The text of a `dvc.lock`, as DVC writes it."""
    bodies = {name: _body(stage) for name, stage in sorted(stages.items())}
    return dump({"schema": SCHEMA, "stages": bodies}, sort_keys=False)


def _body(stage: LockedStage) -> dict[str, Any]:
    body: dict[str, Any] = {"cmd": stage.cmd}
    for part, rows in (("deps", stage.deps), ("outs", stage.outs)):
        if rows:
            body[part] = [_entry(row) for row in rows]
    return body


def _entry(row: LockedPath) -> dict[str, Any]:
    plain = row.plain()
    return {"path": plain.pop("path"), "hash": "md5", **plain}
