"""Where a training compares two answers that came with an example, both of them come."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A training on worse answers that no engine gives.

    Of the engine of a package, and of data that another arm made, nothing is known here.
    """
    record = arm.experiment
    method, engine = record.student.train.method, record.agent.engine
    if isinstance(method, str) or record.data_from is not None:
        return
    declared = definition("engine", engine["kind"])
    if declared.distribution is not None:
        return
    columns = declared.marked("x-column").items()
    gives = any(held == "rejected" and at(engine, path) for path, held in columns)
    for path, value in definition("trainer", method["kind"]).marked("x-compares").items():
        if at(method, path) == value and not gives:
            message = f"the engine '{engine['kind']}' gives no worse answers to learn from"
            help = f"name a column of a file with them (`fields.worse`), or leave '{path[-1]}' out"
            node = arm.node.at(("student", "train", "method", *path))
            yield node.fault("E204", message, help)
