"""Random kills of all that works in a repository, at random moments, until an experiment ends.

    python benchmarks/kills.py --kills 1000          # about an hour on two idle cores
    python benchmarks/kills.py --kills 20 --seed 7

An experiment with stages of every kind, whose skills and examples a service writes, is run once
undisturbed, and then again and again: at a random moment a random process of it (DVC, a stage, the
launcher or a process of a training, a warm worker, the tracker, the service) gets SIGKILL or
SIGTERM, and the run is taken up again, by `dvc repro` or `dataenvgym run` as it comes, until it
ends. Every second kill waits for a stage of a kind that was hit least so far, as many take less
than a second. Then keys, promised bytes and all rows of the journal are held against the
undisturbed run.

The service notes when it was asked, and when an answer was out. One that was out `SETTLED` seconds
before a kill has to be in the journal then, and is never asked for again; only what a kill met on
its way may be. Exits 1 if anything was lost, changed, or asked for twice without such a kill.
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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataenvgym_spec.core.hashing import digest  # noqa: E402
from dataenvgym_spec.execute.rehearsal import service as scripted  # noqa: E402
from dataenvgym_spec.store.dvc.state import hash_of  # noqa: E402
from dataenvgym_spec.store.journal import Journal  # noqa: E402
from dataenvgym_spec.store.place import FILE  # noqa: E402
from tests.support.commands import environment  # noqa: E402
from tests.support.repositories import call, new_repo  # noqa: E402
from tests.support.specs import tiny  # noqa: E402

SETTLED: Final = 1.0
"""Seconds after which an answer that is out is kept, on a machine that is not busy."""
WRITER: Final = {"kind": "openai", "model": "m-1", "provider": "lab", "concurrency": 4}
SPEC: Final = tiny(
    task={"score": {"kind": "exact-match"}},
    student={"prompt": {"template": "builtin:question"}, "train": {"max_length": 128}},
    teachers={"writer": WRITER},
    skills={
        "discover": {"kind": "llm", "teacher": "writer", "topic": "sums"},
        "label": ["selection", "test"],
        "teacher_may_read": ["selection", "test"],
    },
    agent={"engine": {"kind": "llm", "teacher": "writer", "task": "Sums.", "oversample": 2}},
    loop={"iterations": 3, "stop": {"patience": 1}},
    arms={"no-state": None},
    analysis=None,
    noise={"reevaluate": 1, "retrain": 1},
)
"""An experiment with stages of every kind, and salted copies of evaluations and trainings."""
PAUSES: Final = (1.0, 4.0, 12.0)
"""Of these, one is drawn and at most so many seconds pass before a kill."""
AIMED: Final = 20.0
"""Seconds for which every second kill waits for a stage of a kind that was hit least."""
SLOWEST: Final = 0.4
"""Seconds that an answer takes at most, by what was asked: kills are to meet some on their way."""
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
KINDS: Final = (
    *("assign", "check", "data", "evaluate", "gate", "generate", "label", "plan", "report"),
    *("reserve", "select", "skills", "student", "train"),
)
"""The kinds of stages that it has."""
HARMLESS: Final = ("tracker", "judge")
"""What is killed and has nothing to do with what the service is asked."""


def port_of_its_own() -> int:
    """Below those that systems give to whoever asks for any: none takes it from a dead service."""
    return 20000 + os.getpid() % 12000


def serve(log: Path, port: int) -> None:
    """The service: answers in the shape that is asked for, and notes each question and answer.

    A question is noted before anything is sent, an answer once all of it is out.
    """

    def note(what: str, asked: str, answer: str) -> None:
        line = f"{what} {time.time()} {asked} {digest('answer', answer)}\n"
        with log.open("a", encoding="utf-8") as file:
            file.write(line)

    class Noting(scripted._Completions):
        def _answer(self, body, answer, letters) -> None:  # type: ignore[no-untyped-def]
            asked = digest("asked", body)
            note("asked", asked, answer)
            time.sleep(SLOWEST * int(asked[:4], 16) / 0xFFFF)
            super()._answer(body, answer, letters)
            self.wfile.flush()
            note("out", asked, answer)

    server = scripted._Server("{answer}", {})
    server.server_close()
    again = ThreadingHTTPServer(("127.0.0.1", port), Noting)
    for name in ("form", "says", "asked", "counting"):
        setattr(again, name, getattr(server, name))
    again.daemon_threads = True
    again.serve_forever(poll_interval=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One time that the service was asked.

    Attributes:
        question: the digest of all that was sent.
        text: the digest of what was answered.
        asked: when it was asked.
        out: when all of the answer was out; None if that never was.
    """

    question: str
    text: str
    asked: float
    out: float | None

    def may_be_lost_by(self, kill: float, settled: float) -> bool:
        """Whether a kill met it on its way; one that gets SIGTERM may ask for a moment yet."""
        return self.asked <= kill + settled and (self.out is None or kill < self.out + settled)


@dataclass(slots=True)
class Bench:
    """One repository, its service, and what was done to them.

    Attributes:
        folder: of everything.
        port: of the service.
        settled: seconds after which an answer that is out is kept.
        killed: kills by role, signal and what was at work.
        kills: when they were, in this run; the tracker's and a judge's meet no answer.
        faults: answers that should have been in the journal after a kill, in words.
    """

    folder: Path
    port: int
    settled: float = SETTLED
    killed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def repo(self) -> Path:
        """The repository."""
        return self.folder / "repo"

    @property
    def log(self) -> Path:
        """What the service was asked and has answered, a line each."""
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

    def answers(self) -> list[Answer]:
        """What the service was asked so far, in order."""
        begun: dict[str, list[Answer]] = {}
        for line in self.log.read_text(encoding="utf-8").splitlines():
            what, moment, question, text = line.split()
            tries = begun.setdefault(question, [])
            if what == "asked":
                tries.append(Answer(question=question, text=text, asked=float(moment), out=None))
            else:
                # Of several that are open, whichever: they are equal.
                place = next(at for at, one in enumerate(tries) if one.out is None)
                tries[place] = replace(tries[place], out=float(moment))
        return sorted((one for tries in begun.values() for one in tries), key=lambda one: one.asked)

    def kept(self) -> dict[str, str]:
        """What the journal has: digests of texts by the keys of what was asked."""
        with closing(Journal(self.folder / "journal" / FILE)) as journal:
            return {row.key: digest("answer", row.reply["text"]) for row in journal.responses()}

    def look(self, kill: float, role: str) -> None:
        """Looks for the answers that were out long enough before a kill."""
        due = {one.text for one in self.answers() if one.out and one.out + self.settled <= kill}
        lost = due - set(self.kept().values())
        if lost:
            self.faults.append(f"{len(lost)} answers are not in the journal after a kill of {role}")

    def asked_twice(self) -> tuple[int, list[str]]:
        """How many answers a kill has cost, and those that were asked for again without one."""
        before: dict[str, Answer] = {}
        again, faults = 0, []
        for one in self.answers():
            first = before.get(one.question)
            before[one.question] = one
            if first is None:
                continue
            again += 1
            kills = (kill for kill in self.kills if kill <= one.asked)
            if not any(first.may_be_lost_by(kill, self.settled) for kill in kills):
                faults.append(f"{one.question[:12]} was asked at {first.asked} and {one.asked}")
        return again, faults

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

    def await_least_killed(self, draw: random.Random, run: subprocess.Popen[bytes]) -> bool:
        """Waits until a stage of a kind is at work that was hit least so far; whether one was."""
        hits = Counter(dict.fromkeys(KINDS, 0))
        for (_, _, stage), count in self.killed.items():
            hits[stage] += count
        least = sorted(KINDS, key=lambda kind: (hits[kind], kind))[:4]
        end = time.monotonic() + AIMED
        while time.monotonic() < end and run.poll() is None:
            if self.at_work() in least:
                time.sleep(0.3 * draw.random())
                return True
            time.sleep(0.01)
        return False

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
            if draw.random() < 0.5 or not bench.await_least_killed(draw, run):
                time.sleep(draw.choice(PAUSES) * draw.random())
            candidates = sorted(set(bench._roles()), key=lambda row: (row[1], row[0]))
            if run.poll() is not None or not candidates:
                break
            role = draw.choice(sorted({role for _, role in candidates}))
            pid = draw.choice([pid for pid, its in candidates if its == role])
            stage = bench.at_work()
            number = draw.choice([signal.SIGKILL, signal.SIGTERM])
            moment = time.time()
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            kills += 1
            bench.killed[role, number.name, stage] += 1
            if role not in HARMLESS:
                bench.kills.append(moment)
            bench.look(moment, role)
            if role == "service":
                time.sleep(draw.uniform(0.0, 1.0))
                bench.revive()
        if run.wait() == 0:
            return kills


def judged(
    bench: Bench, expected: dict[str, str | None], kept: dict[str, str]
) -> tuple[int, list[str]]:
    """How many answers were rightly asked for again, and what is not as undisturbed."""
    again, repeated = bench.asked_twice()
    found = [*bench.faults, *repeated]
    if bench.results() != expected:
        found.append(f"{set(bench.results().items()) ^ set(expected.items())}")
    if bench.kept() != kept:
        found.append("the journal holds something else than undisturbed")
    return again, found


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--settled", type=float, default=SETTLED, help="more of it for a machine that is busy"
    )
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
        expected, kept = still.results(), still.kept()
        faults += still.asked_twice()[1]
        bench = Bench(Path(name) / "disturbed", port, arguments.settled)
        kills = runs = twice = 0
        told = Counter(bench.killed)
        # Who ends it early is told what was found so far.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            while kills < arguments.kills:
                bench.make()
                bench.kills.clear()
                bench.faults.clear()
                with bench.service():
                    done = disturbed(bench, draw, arguments.kills - kills)
                kills, runs, told = kills + done, runs + 1, Counter(bench.killed)
                again, found = judged(bench, expected, kept)
                twice += again
                print(f"run {runs}: {kills} kills so far", *found, flush=True)
                faults += [f"run {runs}: {fault}" for fault in found]
                if found and arguments.keep:
                    shutil.copytree(bench.folder, arguments.keep / f"run-{runs}", symlinks=True)
        for pid in bench.processes():  # of a run that was not awaited
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for line in table(told):
        print(line)
    print(
        f"\n{kills} kills in {runs} runs; {len(kept)} answers a run; {twice} of all were on their"
    )
    print("way at a kill and asked for again, and no other one")
    print("\n".join(faults) or "no key, byte or paid answer was lost or changed")
    sys.exit(bool(faults))


def table(killed: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """Kills by role and by kind of stage at work, in Markdown, each as SIGKILL + SIGTERM."""
    roles = sorted({role for role, _, _ in killed})
    yield f"\n| at work | {' | '.join(roles)} |"
    yield f"| --- |{' --- |' * len(roles)}"
    for stage in sorted({stage for _, _, stage in killed}):
        row = [stage]
        for role in roles:
            counts = [killed[role, name, stage] for name in ("SIGKILL", "SIGTERM")]
            row.append(" + ".join(map(str, counts)) if any(counts) else "")
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    main()
