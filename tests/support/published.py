"""The data of the paper's cells in the formats in which they are published, made up; files of few rows."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.execute.rehearsal.made_files import write_made
from dataenvgym_spec.language.components import definition

FILES = {
    ("livecodebench", "path"): (
        ("livecodebench/test.jsonl", range(12)),
        ("livecodebench/test2.jsonl", range(1000, 1111)),
    ),
    ("mnms", "path"): (
        ("mnms/test_human_verified_filtered.json", range(30)),
        ("mnms/test_human_verified.json", range(800)),
    ),
    ("gqa", "path"): (
        ("gqa/testdev_balanced_questions.json", range(30)),
        ("gqa/val_balanced_questions.json", range(1000, 1030)),
    ),
    ("gqa", "images"): (("gqa/images", range(3)),),
    ("naturalbench", "path"): (("naturalbench", range(4)),),
}
"""The files of each source, by the option that names them, with the numbers of their rows."""


def published(folder: Path) -> Path:
    """Writes them into a folder, which specs call `data`."""
    for (kind, option), files in FILES.items():
        said = definition("source", kind).rehearsal["files"][option]
        for name, numbers in files:
            write_made(folder / name, said, numbers, "ANSWER")
    return folder
