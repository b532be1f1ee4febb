"""A repository in which `plan` and DVC are compared, edit by edit: real DVC, real locks, caches and remote, quick executors."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from dvc.exceptions import ReproductionError

from dataenvgym_spec.cli.main import cli
from dataenvgym_spec.kinds import KINDS
from dataenvgym_spec.machine import stamp
from dataenvgym_spec.repro import STOPS
from tests.conftest import TEMPLATE, TINY, call

EXECUTES = {"run": True, "pass": True, "restore": False, "reuse": False}
CHOICES: dict[tuple[str, ...], list[Any]] = {
    ("description",): ["one", "two"],
    ("task", "splits", "test", "draw", "per_group"): [5, 6, 7],
    ("task", "splits", "selection", "draw", "per_group"): [3, 4, 5],
    ("task", "splits", "feedback", "draw", "per_group"): [8, 9],
    ("task", "splits", "feedback", "show"): [0.25, 0.5],
    ("student", "model", "layers"): [1, 2],
    ("student", "train", "learning_rate"): [1e-3, 2e-3],
    ("student", "train", "length", "steps"): [6, 7],
    ("student", "generate", "max_new_tokens"): [5, 6],
    ("agent", "observe"): [{"scores": True, "yield": True, "errors": 1}, {"scores": True, "yield": False}, "nothing"],
    ("agent", "policy", "power"): [1.0, 0.7],
    ("agent", "policy", "floor"): [0.2, 0.3],
    ("agent", "engine", "oversample"): [2, 3],
    ("agent", "checks", "overlap"): [{"action": "reject"}, {"action": "record"}],
    ("agent", "checks", "duplicate"): [{"action": "reject"}, {"action": "off"}],
    ("loop", "iterations"): [1, 2],
    ("loop", "teach", "examples"): [30, 31],
    ("arms",): [{"with-state": {}}, {"with-state": {}, "no-state": {"agent": {"observe": "nothing"}}}, {"eager": {"agent": {"policy": {"power": 2.0}}}}],
    ("seeds", "run"): [0, 1],
    ("seeds", "splits"): [0, 1],
    **({("loop", "stop"): [None, {"patience": 1}]} if "gate" in KINDS else {}),
}


def first_spec() -> dict[str, Any]:
    """One arm and one iteration: 17 stages."""
    spec: dict[str, Any] = yaml.safe_load(TINY.replace("2e-3", "0.002").replace("1e-3", "0.001"))
    del spec["analysis"]
    spec["arms"] = {"with-state": {}}
    spec["loop"] |= {"iterations": 1}
    spec["loop"]["teach"]["refill"] = 0
    spec["seeds"] = {"run": 0, "splits": 0}
    return spec


class Laboratory:
    """One repository with a remote, and a log of what every edit brought."""

    def __init__(self, folder: Path, seed: int, *, teacher_varies: bool = False) -> None:
        self.random = random.Random(seed)
        self.folder, self.repo, self.remote = folder, folder / "repo-0", folder / "remote"
        self.bin, self.spec, self.template = folder / "bin", first_spec(), TEMPLATE
        self.undo: list[tuple[dict[str, Any], str]] = []
        self.seen: Counter[str] = Counter()
        self.machine = {"stamp": stamp(), "salt": 0, "teacher_varies": teacher_varies}
        self.bin.mkdir(parents=True)
        program = (Path(__file__).parent / "quick_executor.py").read_text(encoding="utf-8")
        (self.bin / "dataenvgym").write_text(f"#!{sys.executable} -IS\n{program}", encoding="utf-8")
        (self.bin / "dataenvgym").chmod(0o755)
        self.save_machine()
        self._make_repo()

    def _make_repo(self) -> None:
        self.repo.mkdir()
        call("git", "init", "-q", "-b", "main", cwd=self.repo)
        call("git", "config", "user.name", "A", cwd=self.repo)
        call("git", "config", "user.email", "a@example.com", cwd=self.repo)
        call("dvc", "init", "-q", cwd=self.repo)
        call("dvc", "remote", "add", "-d", "shared", str(self.remote), cwd=self.repo)
        call("dataenvgym", "doctor", "--fix", cwd=self.repo, ok=False)
        self.write()

    def save_machine(self) -> None:
        """Tells the executors what machine they are on."""
        (self.bin / "machine.json").write_text(json.dumps(self.machine), encoding="utf-8")

    def write(self) -> None:
        """Writes spec and prompt."""
        (self.repo / "specs" / "prompts").mkdir(parents=True, exist_ok=True)
        (self.repo / "specs" / "tiny.yaml").write_text(yaml.safe_dump(self.spec, sort_keys=False), encoding="utf-8")
        (self.repo / "specs" / "prompts" / "tiny.j2").write_text(self.template, encoding="utf-8")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """In the repository, with the quick executors first in PATH."""
        before, path = Path.cwd(), os.environ["PATH"]
        os.chdir(self.repo)
        os.environ["PATH"] = f"{self.bin}:{path}"
        try:
            yield
        finally:
            os.chdir(before)
            os.environ["PATH"] = path

    def command(self, *arguments: str) -> str:
        """Calls the command line in this process."""
        with self.inside():
            result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    def plan(self, *, pull: bool = False) -> list[dict[str, str]]:
        """What `plan` says."""
        return json.loads(self.command("plan", "tiny", "--json", *(["--pull"] if pull else [])))["stages"]

    def repro(self, *, pull: bool = False) -> set[str]:
        """Calls DVC. Returns the stage directories that something was executed in; the report's is empty."""
        from dvc.repo import Repo

        log = self.bin / "executed.txt"
        log.write_text("", encoding="utf-8")
        with self.inside(), Repo(".") as repo:
            repo.reproduce(["tiny"], pull=pull)
        rows = log.read_text(encoding="utf-8").split("\n")[:-1]
        assert len(rows) == len(set(rows))
        return set(rows)

    def compare(self, what: str, *, pull: bool = False) -> None:
        """Plans, compiles, plans again, reproduces, and holds the plan against what was executed."""
        before = self.plan(pull=pull)
        self.command("compile")
        steps = self.plan(pull=pull)
        assert [(row["key"], row["action"]) for row in before] == [(row["key"], row["action"]) for row in steps], what
        try:
            executed = self.repro(pull=pull)
        except ReproductionError:
            remedies = [row["cause"].partition("so first: ")[2].split() for row in steps if STOPS in row["cause"]]
            assert remedies, f"DVC stopped after: {what}"
            print("DVC stopped, as the plan said", flush=True)
            for remedy in remedies:
                call(*remedy, cwd=self.repo)
            self.compare(f"{what}, and {remedies}", pull=pull)
            return
        wrong = [row for row in steps if EXECUTES.get(row["action"], row["directory"] in executed) != (row["directory"] in executed)]
        told = "\n".join(f"{'executed' if row['directory'] in executed else '':9}{row['action']:8} {row['label']}: {row['cause']}" for row in steps)
        assert not wrong, f"after: {what}{' (--pull)' if pull else ''}\nwrong: {[row['label'] for row in wrong]}\n{told}"
        assert executed <= {row["directory"] for row in steps}
        self.seen.update(row["action"] for row in steps)
        assert {row["action"] for row in self.plan()} == {"reuse"}, f"after {what}, DVC is done, and the plan is not"
        self._tidy({row["directory"] for row in steps})

    def _tidy(self, kept: set[str]) -> None:
        """Keeps the store small, as `gc` does: DVC reads all of it each time."""
        folders = [path for path in self.repo.glob("store/*") if path.name not in kept]
        for path in folders if len(folders) > 25 else []:
            shutil.rmtree(path)

    # --- edits ----------------------------------------------------------------------------------------------------------

    def edit(self) -> str:
        """Makes a random edit; returns what it was."""
        edits: list[tuple[int, Callable[[], str]]] = [
            (8, self.change_a_value),
            (2, self.change_the_prompt),
            (3, self.undo_an_edit),
            (3, self.delete_outs),
            (2, self.damage_an_out),
            (3, self.delete_locks),
            (3, self.delete_cached),
            (1, self.damage_cached),
            (1, self.delete_run_cache),
            (2, self.delete_store_directories),
            (2, self.push),
            (1, self.delete_from_remote),
            (2, self.clone),
            (1, self.move_to_another_machine),
        ]
        weights, functions = zip(*edits, strict=True)
        (chosen,) = self.random.choices(functions, weights)
        said = chosen()
        return f"{said}, and {self.edit()}" if self.random.random() < 0.25 else said

    def change_a_value(self) -> str:
        self.undo.append((copy.deepcopy(self.spec), self.template))
        path, values = self.random.choice(list(CHOICES.items()))
        holder = self.spec
        for step in path[:-1]:
            holder = holder[step]
        value = copy.deepcopy(self.random.choice([value for value in values if value != holder.get(path[-1])]))
        if value is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        self.write()
        return f"{'.'.join(path)} = {value}"

    def change_the_prompt(self) -> str:
        self.undo.append((copy.deepcopy(self.spec), self.template))
        self.template = TEMPLATE + " " * self.random.randint(0, 3)
        self.write()
        return "another prompt"

    def undo_an_edit(self) -> str:
        if self.undo:
            self.spec, self.template = self.undo.pop()
            self.write()
        return "undone"

    def _some(self, pattern: str, most: int) -> list[Path]:
        found = sorted(self.repo.glob(pattern))
        return self.random.sample(found, min(len(found), self.random.randint(1, most)))

    def delete_outs(self) -> str:
        paths = self._some(self.random.choice(["store/*/out/*", "store/*/out", "store/*/log", "reports/*"]), 4)
        for path in paths:
            shutil.rmtree(path)
        return f"deleted {[str(path.relative_to(self.repo)) for path in paths]}"

    def damage_an_out(self) -> str:
        paths = self._some("store/*/out/*/*", 2)
        for path in paths:
            with path.open("a", encoding="utf-8") as file:
                file.write("damage")
        return f"damaged {[str(path.relative_to(self.repo)) for path in paths]}"

    def delete_locks(self) -> str:
        paths = self._some("store/*/dvc.lock", self.random.choice([3, 1000])) + self._some("dvc.lock", 1)
        for path in paths:
            path.unlink()
        return f"deleted {len(paths)} locks {[path.parent.name for path in paths][:4]}"

    def delete_cached(self) -> str:
        paths = self._some(".dvc/cache/files/md5/*/*", self.random.choice([1, 3, 12]))
        for path in paths:
            path.unlink()
        return f"deleted from the cache {[path.parent.name + path.name for path in paths]}"

    def damage_cached(self) -> str:
        paths = self._some(".dvc/cache/files/md5/*/*", 2)
        for path in paths:
            path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWUSR)
            with path.open("a", encoding="utf-8") as file:
                file.write("damage")
        return f"damaged in the cache {[path.parent.name + path.name for path in paths]}"

    def delete_run_cache(self) -> str:
        shutil.rmtree(self.repo / ".dvc" / "cache" / "runs", ignore_errors=True)
        return "deleted the run cache"

    def delete_store_directories(self) -> str:
        paths = self._some("store/*", 3)
        for path in paths:
            shutil.rmtree(path)
        return f"deleted {[path.name for path in paths]}"

    def push(self) -> str:
        with_runs = self.random.random() < 0.6
        call("dvc", "push", "-q", *(["--run-cache"] if with_runs else []), cwd=self.repo, ok=False)
        return "pushed with the run cache" if with_runs else "pushed"

    def delete_from_remote(self) -> str:
        shutil.rmtree(self.remote / self.random.choice(["runs", "files"]), ignore_errors=True)
        return "deleted from the remote"

    def clone(self) -> str:
        call("git", "add", "-A", cwd=self.repo)
        call("git", "commit", "-qm", "work", "--allow-empty", cwd=self.repo)
        old, self.repo = self.repo, self.folder / f"repo-{int(self.repo.name.rpartition('-')[2]) + 1}"
        call("git", "clone", "-q", str(old), str(self.repo), cwd=self.folder)
        call("git", "config", "user.name", "A", cwd=self.repo)
        call("git", "config", "user.email", "a@example.com", cwd=self.repo)
        said = "cloned"
        if self.random.random() < 0.4:
            call("dvc", "pull", "-q", cwd=self.repo, ok=False)
            said += " and pulled"
        shutil.rmtree(old)
        return said

    def move_to_another_machine(self) -> str:
        here = self.machine["stamp"] == stamp()
        self.machine |= {"salt": int(here), "stamp": {**stamp(), "python": "3.99"} if here else stamp()}
        self.save_machine()
        return "results are made on another machine" if here else "results are made on this machine"
