"""The scorer of programs, as tests of it and of its sources have it."""

from typing import Any

from dataenvgym_spec.gym.make import Named
from dataenvgym_spec.gym.tasks.scoring import Judge
from tests.support.golden import defaults


def judge_of(*, lesser: bool = False, **options: Any) -> Judge:
    """The scorer of programs, in the sandbox that there is or, if so allowed, in a lesser one."""
    parts: dict[tuple[str, ...], Named] = {}
    if lesser:
        given = {"lesser": "allow"}
        parts = {
            ("sandbox",): Named(slot="sandbox", kind="isolated", version=1, options=given, parts={})
        }
    options = {**defaults("scorer", "programs"), **options}
    return Judge(Named(slot="scorer", kind="programs", version=1, options=options, parts=parts))
