"""Eight people on four clones, with one remote and one tracking server, who work at random.

    python benchmarks/team.py --minutes 60
    python benchmarks/team.py --minutes 5 --people 4 --clones 2 --seed 3

Each edits specs (what all share, or one of their own), runs them with `--pull`, kills runs,
commits, pushes results and commits, pulls, merges and tracks. At the end all come together at one
commit, and it is held that the files of every report of it are equal in all clones, byte for byte,
that a further run of everything executes nothing, that no clone computed a stage twice, or one
whose result it could have pulled, that nothing that was pushed is gone, and that MLflow shows what
the results say. Exits 1 otherwise.

Examples are procedural and all clones are on one machine, so every stage promises its bytes. MLflow
is a server on PostgreSQL with its plug-in for users, one for each clone; `--sqlite` does without
PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataenvgym_spec.store.dvc.state import read_lock  # noqa: E402
from tests.support.commands import environment  # noqa: E402
from tests.support.mlflow_servers import mlflow_server, postgres  # noqa: E402
from tests.support.repositories import new_repo  # noqa: E402
from tests.support.specs import TINY  # noqa: E402

SPEC: Final = TINY.replace("iterations: 2", "iterations: 1").replace("refill: 1", "refill: 0")
"""Two arms and a contrast of them."""
PASSWORD: Final = "a-password-of-this-benchmark"
EDITS: Final = (
    ("learning_rate: 1e-3", "learning_rate: 2e-3"),
    ("learning_rate: 1e-3", "learning_rate: 3e-3"),
    ("iterations: 1", "iterations: 2"),
    ("examples: 30", "examples: 24"),
    ("floor: 0.2", "floor: 0.4"),
    ("problems, draw: {per_group: 4}", "problems, draw: {per_group: 5}"),
)
EXPECTED: Final = (
    "another 'dataenvgym run' is at work",
    "edited after",
    "was compiled anew while it ran",
)
"""What a run may say that does not go through: two people in one clone."""
BUSY: Final = "Unable to acquire lock"
"""What DVC says while another of its commands has the clone."""
PATIENCE: Final = 300.0
"""Seconds for which it is tried again."""
RAN: Final = re.compile(r"^Running stage 'store/([\w-]+)/", re.MULTILINE)
NOT_COMPUTED: Final = ("adopted: ", "error: ", "interrupted: ")
"""What is said of a stage that did not end by itself, or whose result was there already."""


@dataclass(slots=True)
class Clone:
    """A clone that two people share, and what was seen in it.

    Attributes:
        path: where it is.
        reachable: stages whose results its last pull brought, by their directories.
        computed: how often each was computed to its end.
        needless: stages that were computed although their results could be pulled.
    """

    path: Path
    tree: threading.Lock = field(default_factory=threading.Lock)
    """Two people in one working tree take turns with git, as they would; runs go on beside it."""
    reachable: set[str] = field(default_factory=set)
    computed: Counter[str] = field(default_factory=Counter)
    needless: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Team:
    """What all have in common.

    Attributes:
        folder: of everything.
        environ: of every command.
        did: how often each thing was done.
        failed: what ended with an error that nobody expects.
    """

    folder: Path
    environ: dict[str, str]
    did: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def call(self, clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        environ = self.environ_of(clone)
        return subprocess.run(
            command, cwd=clone, env=environ, capture_output=True, text=True, check=False
        )

    def environ_of(self, clone: Path) -> dict[str, str]:
        """Of commands in a clone, which has a login of its own."""
        return {**self.environ, "MLFLOW_TRACKING_USERNAME": clone.name}

    def keep(self, *said: str) -> None:
        """Keeps what a run said of what is a fault, for whoever looks for its cause."""
        self.did["needless"] += 1
        path = self.folder / f"needless-{self.did['needless']}.log"
        path.write_text("\n".join((time.strftime("%H:%M:%S"), *said)), encoding="utf-8")

    def must(self, clone: Path, *command: str) -> str:
        """Runs a command that may not fail; notes it if it does."""
        done = self.call(clone, *command)
        if done.returncode:
            said = (done.stdout + done.stderr)[-1500:]
            self.failed.append(f"{clone.name}: {' '.join(command)}: {said}")
        return done.stdout

    def patient(self, clone: Path, *command: str) -> str:
        """Runs a command of DVC, which takes turns with others that have the clone."""
        until = time.monotonic() + PATIENCE
        done = self.call(clone, *command)
        while done.returncode and BUSY in done.stdout + done.stderr and time.monotonic() < until:
            time.sleep(1)
            done = self.call(clone, *command)
        if done.returncode:
            said = (done.stdout + done.stderr)[-1500:]
            self.failed.append(f"{clone.name}: {' '.join(command)}: {said}")
        return done.stdout


class Person:
    """One of the team: does one thing after another until the time is over."""

    def __init__(self, team: Team, clone: Clone, name: str, seed: int) -> None:
        self.team, self.clone, self.name = team, clone, name
        self.draw = random.Random(f"{seed}/{name}")

    def work(self, until: float) -> None:
        """Works until then."""
        deeds = {
            self.edit: 2,
            self.run: 4,
            self.kill: 2,
            self.share: 3,
            self.pull: 3,
            self.track: 1,
        }
        while time.monotonic() < until:
            deed = self.draw.choices([*deeds], [*deeds.values()])[0]
            deed()
            self.team.did[deed.__name__] += 1
            time.sleep(self.draw.random())

    def edit(self) -> None:
        """Changes one's own spec, seldom the one that all share, and compiles."""
        spec = "tiny" if self.draw.random() < 0.2 else self.name
        text = SPEC.replace("name: tiny", f"name: {spec}")
        for old, new in self.draw.sample(EDITS, self.draw.randint(0, 2)):
            text = text.replace(old, new)
        with self.clone.tree:
            (self.clone.path / "specs" / f"{spec}.yaml").write_text(text, encoding="utf-8")
            self.team.must(self.clone.path, "dataenvgym", "compile")

    def _spec(self) -> str:
        names = sorted(path.stem for path in (self.clone.path / "specs").glob("*.yaml"))
        return self.name if self.name in names else self.draw.choice(names)

    def run(self, name: str = "") -> None:
        """Runs a spec, and takes what others have made."""
        reachable = set(self.clone.reachable)
        spec = name or self._spec()
        done = subprocess.run(
            ["dataenvgym", "run", spec, "--pull"],
            cwd=self.clone.path,
            env=self.team.environ_of(self.clone.path),
            stdout=subprocess.PIPE,
            # An error has to stand behind the name of its stage.
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = done.stdout
        if done.returncode and not any(words in said for words in EXPECTED):
            self.team.failed.append(f"{self.clone.path.name}: run: {said[-1500:]}")
        self._count(said, reachable)

    def _count(self, said: str, reachable: set[str], *, killed: bool = False) -> None:
        # Before each stage DVC says its name. The one that a kill met did not come to its end.
        starts = [*RAN.finditer(said)]
        ends = [*(start.start() for start in starts[1:]), len(said)]
        for start, end in zip(starts[: len(starts) - killed], ends, strict=False):
            directory, part = start[1], said[start.end() : end]
            if any(words in part for words in NOT_COMPUTED):
                continue
            again = directory in self.clone.computed
            self.clone.computed[directory] += 1
            if directory in reachable:
                self.clone.needless.append(directory)
            if again or directory in reachable:
                self.team.keep(self.clone.path.name, directory, said)

    def kill(self) -> None:
        """Starts a run and kills it."""
        reachable = set(self.clone.reachable)
        with tempfile.TemporaryFile() as out:
            run = subprocess.Popen(
                ["dataenvgym", "run", self._spec(), "--pull"],
                cwd=self.clone.path,
                env=self.team.environ_of(self.clone.path),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            time.sleep(self.draw.uniform(0.5, 8))
            killed = run.poll() is None
            if killed:
                os.killpg(run.pid, self.draw.choice([signal.SIGKILL, signal.SIGTERM]))
            run.wait()
            out.seek(0)
            said = out.read().decode("utf-8", "replace")
        self._count(said, reachable, killed=killed)

    def share(self) -> None:
        """Commits, pushes results and then the commit; merges first where others were faster."""
        with self.clone.tree:
            self.team.call(self.clone.path, "git", "add", "-A")
            self.team.call(self.clone.path, "git", "commit", "-qm", f"work of {self.name}")
            self.team.patient(self.clone.path, "dvc", "push")
            for _ in range(5):
                self._merge()
                if not self.team.call(self.clone.path, "git", "push", "-q").returncode:
                    return

    def pull(self) -> None:
        """Commits what is there and takes what others have pushed."""
        with self.clone.tree:
            self.team.call(self.clone.path, "git", "add", "-A")
            self.team.call(self.clone.path, "git", "commit", "-qm", f"work of {self.name}")
            self._merge()

    def _merge(self) -> None:
        path = self.clone.path
        self.team.call(path, "git", "fetch", "-q")
        merged = self.team.call(path, "git", "merge", "-q", "--no-edit", "origin/main")
        if merged.returncode:
            # Two changed the same spec: theirs stands, as people would settle it.
            self.team.must(path, "git", "checkout", "-q", "--theirs", "specs")
            self.team.must(path, "dataenvgym", "compile")
            self.team.must(path, "git", "add", "-A")
            self.team.must(path, "git", "commit", "-qm", "merged")
        elif self.team.call(path, "dataenvgym", "compile", "--check").returncode:
            self.team.must(path, "dataenvgym", "compile")
            self.team.call(path, "git", "add", "-A")
            self.team.call(path, "git", "commit", "-qm", "compiled")
        listed = self.team.must(path, "git", "ls-tree", "-r", "--name-only", "origin/main", "store")
        locks = {Path(name).parent.name for name in listed.split() if name.endswith("dvc.lock")}
        remote = self.team.folder / "remote" / "files" / "md5"
        self.clone.reachable |= {name for name in locks if can_be_pulled(path, name, remote)}

    def track(self) -> None:
        """Brings the team's server up to date."""
        self.team.must(self.clone.path, "dataenvgym", "track")


def can_be_pulled(repo: Path, directory: str, remote: Path) -> bool:
    """Whether the remote has all results of a stage that the clone knows of.

    A commit may name results that nobody has pushed yet. A report is of one moment.
    """
    kind = directory.rpartition("-")[0]
    lock = read_lock(repo / "store" / directory / "dvc.lock", kind)
    digests = lock.outs.values() if lock else ()
    return bool(digests) and all((remote / one[:2] / one[2:]).exists() for one in digests)


def prepared(folder: Path, clones: int, team: Team) -> list[Clone]:
    """A shared repository with one spec, a remote, and clones of it."""
    first = new_repo(folder / "first", SPEC)
    (folder / "remote").mkdir()
    team.must(first, "dvc", "remote", "add", "-q", "--default", "storage", str(folder / "remote"))
    team.must(first, "dataenvgym", "compile")
    team.must(first, "git", "add", "-A")
    team.must(first, "git", "commit", "-qm", "begun")
    team.must(folder, "git", "clone", "-q", "--bare", str(first), "origin.git")
    made = []
    for number in range(clones):
        path = folder / f"clone{number}"
        team.must(folder, "git", "clone", "-q", "origin.git", str(path))
        team.must(path, "git", "config", "user.name", path.name)
        team.must(path, "git", "config", "user.email", f"{path.name}@example.com")
        team.must(path, "dataenvgym", "doctor", "--fix")
        made.append(Clone(path))
    return made


def brought_together(team: Team, clones: list[Clone], people: list[Person]) -> list[str]:
    """All come to one commit with all results; what is not as it should be."""
    faults = []
    for person in people:
        person.share()
    last = people[-1]
    names = sorted(path.stem for path in (last.clone.path / "specs").glob("*.yaml"))
    for name in names:
        last.run(name)
    last.share()
    reports: dict[str, list[dict[str, bytes]]] = {name: [] for name in names}
    for clone in clones:
        person = Person(team, clone, "closing", 0)
        person.pull()
        for name in names:
            said = team.must(clone.path, "dvc", "repro", "--pull", name)
            if RAN.search(said):
                faults.append(f"{clone.path.name}: {name} runs again: {RAN.findall(said)}")
            reports[name].append(pages(clone.path / "reports" / name))
    faults += tracked(team, clones)
    heads = {team.must(clone.path, "git", "rev-parse", "HEAD^{tree}").strip() for clone in clones}
    if len(heads) > 1:
        faults.append("clones end with different trees")
    for name, shown in reports.items():
        ours = shown[0]
        different = {path for one in shown for path, data in one.items() if ours.get(path) != data}
        if different or "index.html" not in ours or len({len(one) for one in shown}) > 1:
            faults.append(f"reports of {name} differ: {sorted(different)}")
    faults += [fault for clone in clones for fault in needless(clone)]
    for clone in clones:
        said = team.patient(clone.path, "dvc", "push")
        if "up to date" not in said:
            faults.append(f"{clone.path.name}: the remote lacked results: {said[-300:]}")
    return faults


def tracked(team: Team, clones: list[Clone]) -> Iterator[str]:
    """Where MLflow differs, once trackings in the background of earlier commits have ended."""
    for clone in clones:
        team.must(clone.path, "dataenvgym", "track")
    for clone in clones:
        verified = team.call(clone.path, "dataenvgym", "track", "--verify")
        if verified.returncode:
            yield f"{clone.path.name}: MLflow differs: {verified.stdout[-500:]}"


def pages(folder: Path) -> dict[str, bytes]:
    """The files of a report."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def needless(clone: Clone) -> list[str]:
    """What a clone computed that was there, or could have been: with it the bound holds.

    Each clone that had not pulled a result may have made it, and made it once.
    """
    where = clone.path.name
    faults = [f"{where} computed {name}, which it could have pulled" for name in clone.needless]
    for name, times in sorted(clone.computed.items()):
        if times > 1:
            faults.append(f"{where} computed {name} {times} times")
    return faults


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--clones", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sqlite", action="store_true", help="MLflow without PostgreSQL")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dataenvgym-team-"))
    base = nullcontext(f"sqlite:///{folder}/runs.db") if arguments.sqlite else postgres()
    with (
        base as database,
        mlflow_server(folder / "server", database, everybody="MANAGE") as server,
    ):
        for number in range(arguments.clones):
            server.add_user(f"clone{number}", PASSWORD)
        environ = environment(
            shared=False,
            MLFLOW_TRACKING_URI=server.address,
            MLFLOW_TRACKING_PASSWORD=PASSWORD,
            DATAENVGYM_TRACK="1",
            DATAENVGYM_JOURNAL=str(folder / "journal"),
            GIT_MERGE_AUTOEDIT="no",
        )
        team = Team(folder, environ)
        clones = prepared(folder, arguments.clones, team)
        people = [
            Person(team, clones[number % len(clones)], f"person{number}", arguments.seed)
            for number in range(arguments.people)
        ]
        until = time.monotonic() + 60 * arguments.minutes
        # Where it is ended, its servers are too, and nobody goes on.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        threads = [
            threading.Thread(target=person.work, args=(until,), daemon=True) for person in people
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        faults = brought_together(team, clones, people)
    computed: Counter[str] = Counter()
    for clone in clones:
        computed.update(clone.computed)
    most = max(computed.values(), default=0)
    print(", ".join(f"{word} {times}" for word, times in sorted(team.did.items())))
    print(f"{len(computed)} stages, computed {computed.total()} times in all, one at most {most}")
    print(
        "\n".join([*team.failed, *faults]) or "all reports equal, nothing lost, nothing run twice"
    )
    if team.failed or faults:
        print(f"look at {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(team.failed or faults))


if __name__ == "__main__":
    main()
