"""Random kills of all that works in a repository, at random moments, until an experiment ends.

    python benchmarks/kills.py --kills 1000          # about an hour on two idle cores
    python benchmarks/kills.py --kills 20 --seed 7

An experiment whose examples a service writes is run once undisturbed, and then again and again: at
a random moment a random process of it (DVC, a stage, the launcher or a process of a training, a
warm worker, the tracker, the service) gets SIGKILL or SIGTERM, and the run is taken up again, by
`dvc repro` or `dataenvgym run` as it comes, until it ends. Then keys and promised bytes are held
against the undisturbed run, and what the service was asked against what the journal kept. Exits 1
if anything was lost or changed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataenvgym_spec.core.hashing import digest  # noqa: E402
from dataenvgym_spec.execute.rehearsal import service as scripted  # noqa: E402
from dataenvgym_spec.store.dvc.state import hash_of  # noqa: E402
from tests.support.commands import environment  # noqa: E402
from tests.support.repositories import call, new_repo  # noqa: E402
from tests.support.specs import tiny  # noqa: E402

IN_FLIGHT: Final = 4
"""Requests side by side: so many may be answered and not arrived when a process dies."""
SPEC: Final = tiny(
    task={"score": {"kind": "exact-match"}},
    student={"prompt": {"template": "builtin:question"}, "train": {"max_length": 128}},
    teachers={
        "writer": {"kind": "openai", "model": "m-1", "provider": "lab", "concurrency": IN_FLIGHT}
    },
    agent={"engine": {"kind": "llm", "teacher": "writer", "task": "Sums.", "oversample": 2}},
)
PAUSES: Final = (1.0, 4.0, 12.0)
"""Of these, one is drawn and at most so many seconds pass before a kill."""
ROLES: Final = {
    "--serve": "service",
    "gym.sandboxes": "judge",
    "execute.warm": "warm worker",
    "accelerate": "launcher",
    "execute.training": "training",
    "track": "tracker",
    "dataenvgym\0stage": "stage",
    "dvc": "DVC",
    "dataenvgym": "another",
}
"""What is killed, by what its command line has in it; the first that fits."""


def port_of_its_own() -> int:
    """Below those that systems give to whoever asks for any: none takes it from a dead service."""
    return 20000 + os.getpid() % 12000


def serve(log: Path, port: int) -> None:
    """The service: answers in the shape that is asked for, and notes each answer before.

    Noted afterwards, one that is out when the service is killed would be missing.
    """

    class Noting(scripted._Completions):
        def _answer(self, body, answer, letters) -> None:  # type: ignore[no-untyped-def]
            with log.open("a", encoding="utf-8") as file:
                file.write(digest("asked", body) + "\n")
            super()._answer(body, answer, letters)

    server = scripted._Server("{answer}", {})
    server.server_close()
    again = scripted.ThreadingHTTPServer(("127.0.0.1", port), Noting)
    for name in ("form", "says", "asked", "counting"):
        setattr(again, name, getattr(server, name))
    again.daemon_threads = True
    again.serve_forever(poll_interval=0.05)


@dataclass(slots=True)
class Bench:
    """One repository, its service, and what was done to them.

    Attributes:
        folder: of everything.
        port: of the service.
        killed: kills by role and by what was at work.
    """

    folder: Path
    port: int
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    fatal: int = 0
    """Kills that may have cost answers in flight: of all but the tracker."""

    @property
    def repo(self) -> Path:
        """The repository."""
        return self.folder / "repo"

    @property
    def log(self) -> Path:
        """What the service has answered, a line each."""
        return self.folder / "answers.txt"

    @property
    def said(self) -> Path:
        """What its runs have said."""
        return self.folder / "said.txt"

    def environ(self) -> dict[str, str]:
        """Of a run: a journal of its own, and the service's address."""
        return environment(
            shared=False,
            DATAENVGYM_LAB_URL=f"http://127.0.0.1:{self.port}/v1",
            DATAENVGYM_JOURNAL=str(self.folder / "journal"),
            DATAENVGYM_CHECKPOINT_SECONDS="0.2",
            DATAENVGYM_TRACK="1",
        )

    def make(self) -> None:
        """A compiled repository in which nothing was run, and an empty journal."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.log.touch()
        new_repo(self.repo, SPEC)
        call("dataenvgym", "compile", cwd=self.repo)

    @contextmanager
    def service(self) -> Iterator[None]:
        """The service, at least while the block lasts; `revive` starts it again."""
        self.revive()
        try:
            yield
        finally:
            for pid in self.processes("service"):
                os.kill(pid, signal.SIGKILL)

    def revive(self) -> None:
        """Starts the service if it is gone."""
        if not self.processes("service"):
            command = [sys.executable, __file__, "--serve", str(self.log), str(self.port)]
            subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)

    def processes(self, role: str | None = None) -> list[int]:
        """Living processes that work here, of a role or of any."""
        return [pid for pid, its in self._roles() if role in (None, its)]

    def _roles(self) -> Iterator[tuple[int, str]]:
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                where = str((entry / "cwd").readlink())
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state == "Z" or not (where.startswith(str(self.folder)) or str(self.folder) in line):
                continue
            words = line.replace("/", "\0")
            role = next((role for mark, role in ROLES.items() if mark in line or mark in words), "")
            if role:
                yield int(entry.name), role

    def at_work(self) -> str:
        """The kind of the stage that is being run."""
        for pid in self.processes("stage"):
            try:
                name = Path(f"/proc/{pid}/cwd").readlink().name
            except OSError:
                continue
            return name.rpartition("-")[0] or "report"
        return "between stages"

    def run(self, program: str = "dvc") -> subprocess.Popen[bytes]:
        """Starts a run; what it says is kept beside the repository."""
        command = "repro" if program == "dvc" else "run"
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [program, command, "tiny"],
                cwd=self.repo,
                env=self.environ(),
                stdout=said,
                stderr=said,
            )

    def results(self) -> dict[str, str | None]:
        """The hashes of all ports by their stage; the report shows times and is left out."""
        ports = sorted(self.repo.glob("store/*/out/*"))
        return {str(path.relative_to(self.repo)): hash_of(path) for path in ports}


def disturbed(bench: Bench, draw: random.Random, left: int) -> int:
    """One experiment to its end, killed at most so often; how often it was."""
    kills = 0
    while True:
        bench.revive()
        run = bench.run(draw.choice(("dvc", "dataenvgym")))
        while run.poll() is None and kills < left:
            time.sleep(draw.choice(PAUSES) * draw.random())
            candidates = sorted(set(bench._roles()), key=lambda row: (row[1], row[0]))
            if run.poll() is not None or not candidates:
                break
            role = draw.choice(sorted({role for _, role in candidates}))
            pid = draw.choice([pid for pid, its in candidates if its == role])
            stage = bench.at_work()
            try:
                os.kill(pid, draw.choice([signal.SIGKILL, signal.SIGTERM]))
            except ProcessLookupError:
                continue
            kills += 1
            bench.killed[role, stage] += 1
            bench.fatal += role != "tracker"
            if role == "service":
                time.sleep(draw.uniform(0.0, 1.0))
                bench.revive()
        if run.wait() == 0:
            return kills


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for what a run with a fault has left")
    parser.add_argument("--serve", nargs=2, metavar=("LOG", "PORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(Path(arguments.serve[0]), int(arguments.serve[1]))
        return
    draw = random.Random(arguments.seed)
    faults: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        port = port_of_its_own()
        still = Bench(Path(name) / "still", port)
        still.make()
        with still.service():
            if still.run().wait():
                sys.exit(still.said.read_text()[-3000:])
        expected, asked = still.results(), still.log.read_text().split()
        bench = Bench(Path(name) / "disturbed", port)
        kills = runs = twice = 0
        while kills < arguments.kills:
            bench.make()
            bench.fatal = 0
            with bench.service():
                kills += disturbed(bench, draw, arguments.kills - kills)
            runs += 1
            before = len(faults)
            found, answers = bench.results(), Counter(bench.log.read_text().split())
            if found != expected:
                faults.append(f"run {runs}: {set(found.items()) ^ set(expected.items())}")
            again = sum(answers.values()) - len(answers)
            twice += again
            if set(answers) != set(asked) or again > IN_FLIGHT * bench.fatal:
                faults.append(f"run {runs}: {again} answers were asked for twice")
            print(
                f"run {runs}: {kills} kills so far, {len(faults)} faults",
                *faults[before:],
                flush=True,
            )
            if faults[before:] and arguments.keep:
                shutil.copytree(bench.folder, arguments.keep / f"run-{runs}", symlinks=True)
    print("\n| killed | while this was at work | times |\n| --- | --- | --- |")
    for (role, stage), times in sorted(bench.killed.items()):
        print(f"| {role} | {stage} | {times} |")
    print(f"\n{kills} kills in {runs} runs; {twice} answers were in flight and asked for again")
    print("\n".join(faults) or "no key, byte or paid answer was lost or changed")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
