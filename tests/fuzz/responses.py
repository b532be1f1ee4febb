"""Repositories with responses in them: what the fuzzer of kept files damages besides results.

The journal is inside of the repository, so that nobody's own is read, damaged or mended.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from dataenvgym_spec.execute.rehearsal.service import scripted
from dataenvgym_spec.records.responses import RESPONSES, Response, read_responses
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.place import FILE
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL, merged, plain

FOLDER: Final = ".dataenvgym/journal"
"""Where a repository of the fuzzer has its journal."""
EXPORT: Final = f"{FOLDER}/exported.jsonl"
DAMAGED: Final = (f"{FOLDER}/{FILE}", f"{FOLDER}/{FILE}-wal", EXPORT)
"""What is damaged of it. What else SQLite has beside them is made anew by whoever opens them."""
ADDRESS: Final = "DATAENVGYM_LAB_URL"
WRITTEN: Final = merged(
    plain(SMALL),
    {
        "task": {"score": {"kind": "exact-match"}},
        "student": {"prompt": {"template": "builtin:question"}, "train": {"max_length": 128}},
        "teachers": {"writer": {"kind": "openai", "model": "m-1", "provider": "lab"}},
        "agent": {"engine": {"kind": "llm", "teacher": "writer", "task": "Sums.", "oversample": 2}},
    },
)
"""The small spec, with examples that a service writes."""


@contextmanager
def journal_of(repo: Path) -> Iterator[None]:
    """While it lasts, commands have the journal of a repository, and a service that is gone."""
    own = {"DATAENVGYM_JOURNAL": str(repo / FOLDER), ADDRESS: "http://127.0.0.1:9/v1"}
    with patch.dict(os.environ, own):
        yield


def service_written(folder: Path) -> Path:
    """A finished repository whose examples a service wrote, with all that it answered."""
    repo = new_repo(folder, json.dumps(WRITTEN))
    own = {"DATAENVGYM_JOURNAL": str(repo / FOLDER), "OMP_NUM_THREADS": "1"}
    call("dataenvgym", "compile", cwd=repo)
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "compiled", cwd=repo)
    with scripted("{answer}") as service:
        own[ADDRESS] = f"{service.address}/v1"
        call("dvc", "repro", "tiny", cwd=repo, timeout=1800, apart=True, **own)
    return repo


def with_journal(repo: Path) -> Path:
    """Gives a repository a journal whose latest rows are in its log of writes, and an export.

    One without responses gets some that no stage asks for, also in the log of a stage.
    """
    folder = repo / FOLDER
    logs = sorted(repo.glob(f"store/*/log/{RESPONSES}"))
    rows = [row for path in logs for row in read_responses(path) if row is not None]
    if not rows:
        rows = [_made(number) for number in range(60)]
        first = min(repo.glob("store/generate-*/log"))
        _write(first / RESPONSES, rows[:20])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write(repo / EXPORT, rows)
    building = folder / "building"
    half = len(rows) // 2
    # A journal that is closed has all in its file; in one that is open, what came last is beside it.
    for some, closes in ((rows[:half], True), (rows[half:], False)):
        journal = Journal(building / FILE)
        journal.keep(some)
        if closes:
            journal.close()
    for ending in ("", "-wal"):
        shutil.copy2(building / f"{FILE}{ending}", folder / f"{FILE}{ending}")
    journal.close()
    shutil.rmtree(building)
    return repo


def forgotten(repo: Path) -> dict[Path, bytes]:
    """Takes away what stages made that asked a teacher: only the journal has its answers then.

    Returns:
        Their results, as they were.
    """
    results: dict[Path, bytes] = {}
    for log in sorted(repo.glob(f"store/generate-*/log/{RESPONSES}")):
        folder = log.parent.parent
        results |= {path: path.read_bytes() for path in folder.glob("out/*/*.jsonl")}
        shutil.rmtree(folder / "out")
        shutil.rmtree(folder / "log")
        (folder / "dvc.lock").unlink(missing_ok=True)
    shutil.rmtree(repo / ".dvc" / "cache" / "runs", ignore_errors=True)
    return results


def _made(number: int) -> Response:
    tokens = {"prompt": number, "generated": 2}
    text = f"What is {number} + 1?\n" * 20
    reply = {"text": text, "tokens": tokens, "finish": "stop", "model": "m-1"}
    return Response(key=f"{number:064x}", stage="b" * 64, at=1e9 + number, reply=reply)


def _write(path: Path, rows: list[Response]) -> None:
    text = "".join(json.dumps(row.plain()) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
