"""A plain child process: killed at its limit, though with the rights of its parent. For tests only."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dataenvgym_spec.gym import Call, Judgement, Program, SandboxLimits, SandboxOutcome

CALL = "import importlib, json, sys; m, n = sys.argv[1].split(':'); print(json.dumps(getattr(importlib.import_module(m), n)()(**json.load(sys.stdin))))"


class Child:
    """Runs programs and functions in a child."""

    def run(self, program: Program, limits: SandboxLimits) -> SandboxOutcome:
        """Runs a program."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in program.files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            return self._run(program.command, program.stdin, limits, folder)

    def judge(
        self, judgement: Judgement, calls: Sequence[Call], limits: SandboxLimits
    ) -> list[SandboxOutcome]:
        """Calls an installed function."""
        return [self._judged(judgement, call, limits) for call in calls]

    def _judged(self, judgement: Judgement, call: Call, limits: SandboxLimits) -> SandboxOutcome:
        command = (sys.executable, "-c", CALL, judgement.maker)
        outcome = self._run(command, json.dumps(call.arguments), limits, None)
        if outcome.ending != "returned":
            return outcome
        return SandboxOutcome(ending="returned", code=0, value=json.loads(outcome.stdout))

    def _run(
        self, command: tuple[str, ...], text: str, limits: SandboxLimits, folder: str | None
    ) -> SandboxOutcome:
        try:
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, cwd=folder,
                timeout=limits.seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return SandboxOutcome(ending="timeout")
        ending = "failed" if done.returncode else "returned"
        return SandboxOutcome(
            ending=ending, code=done.returncode, stdout=done.stdout, stderr=done.stderr
        )
