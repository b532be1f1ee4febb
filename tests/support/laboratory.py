"""A repository in which `plan` and DVC are compared, edit by edit: real DVC, real locks, caches and remote, quick executors."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from click.testing import CliRunner
from dvc.exceptions import ReproductionError

from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.questions.repro import STOPS
from dataenvgym_spec.store.dvc import disk
from tests.support.commands import forget_trees
from tests.support.repositories import call, new_repo
from tests.support.runs import install_quick_executors
from tests.support.specs import TEMPLATE, TINY

DOES = {
    "run": {"run"},
    "pass": {"pass"},
    "restore": {""},
    "reuse": {""},
    "maybe": {"run", "pass", ""},
}
"""For what a plan says: what may be seen of it afterwards."""
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
    ("agent", "observe"): [
        {"scores": True, "yield": True, "errors": 1},
        {"scores": True, "yield": False},
        "nothing",
    ],
    ("agent", "policy", "power"): [1.0, 0.7],
    ("agent", "policy", "floor"): [0.2, 0.3],
    ("agent", "engine", "oversample"): [2, 3],
    ("agent", "checks", "overlap"): [{"action": "reject"}, {"action": "record"}],
    ("agent", "checks", "duplicate"): [{"action": "reject"}, {"action": "off"}],
    ("loop", "iterations"): [1, 2, 3],
    ("loop", "teach", "examples"): [30, 31],
    ("arms",): [
        {"with-state": {}},
        {"with-state": {}, "no-state": {"agent": {"observe": "nothing"}}},
        {"eager": {"agent": {"policy": {"power": 2.0}}}},
    ],
    ("seeds", "run"): [0, 1],
    ("seeds", "splits"): [0, 1],
    ("loop", "stop"): [None, {"patience": 1}],
}
OTHERS: dict[str, dict[str, Any]] = {
    "the same": {},
    "another student": {"student": {"train": {"learning_rate": 0.003}}},
    "a longer loop": {"loop": {"iterations": 3}},
    "a loop that may stop": {"loop": {"iterations": 3, "stop": {"patience": 1}}},
    "another arm": {"arms": {"blind": {"agent": {"observe": "nothing"}}}},
    "a sweep": {"matrix": {"student.train.learning_rate": [0.001, 0.003]}},
}
"""What a second spec, which extends the first one, says otherwise."""


def first_spec(loop: dict[str, Any]) -> dict[str, Any]:
    """One arm, and one iteration if `loop` does not say more: 17 stages."""
    spec: dict[str, Any] = yaml.safe_load(TINY.replace("2e-3", "0.002").replace("1e-3", "0.001"))
    del spec["analysis"]
    spec["arms"] = {"with-state": {}}
    spec["loop"]["teach"]["refill"] = 0
    spec["loop"] |= {"iterations": 1, **loop}
    spec["seeds"] = {"run": 0, "splits": 0}
    return spec


class Laboratory:
    """One repository with a remote, and a log of what every edit brought."""

    def __init__(
        self, folder: Path, seed: int, *, teacher_varies: bool = False, **loop: Any
    ) -> None:
        self.random = random.Random(seed)
        self.folder, self.repo, self.remote = folder, folder / "repo-0", folder / "remote"
        self.bin, self.spec, self.template = folder / "bin", first_spec(loop), TEMPLATE
        self.other: str | None = None
        self.undo: list[tuple[dict[str, Any], str]] = []
        self.seen: Counter[str] = Counter()
        self.machine = {"stamp": stamp(), "salt": 0, "teacher_varies": teacher_varies}
        install_quick_executors(self.bin, **self.machine)
        new_repo(self.repo)
        call("dvc", "remote", "add", "-d", "shared", str(self.remote), cwd=self.repo)
        self.write()

    def save_machine(self) -> None:
        """Tells the executors what machine they are on."""
        (self.bin / "machine.json").write_text(json.dumps(self.machine), encoding="utf-8")

    def write(self) -> None:
        """Writes specs and prompt."""
        (self.repo / "specs" / "prompts").mkdir(parents=True, exist_ok=True)
        (self.repo / "specs" / "tiny.yaml").write_text(
            yaml.safe_dump(self.spec, sort_keys=False), encoding="utf-8"
        )
        (self.repo / "specs" / "prompts" / "tiny.j2").write_text(self.template, encoding="utf-8")
        other = self.repo / "specs" / "other.yaml"
        if self.other is None:
            other.unlink(missing_ok=True)
        else:
            other.write_text(
                yaml.safe_dump({"extends": "tiny.yaml", "name": "other", **OTHERS[self.other]}),
                encoding="utf-8",
            )

    def experiments(self) -> list[str]:
        """The experiments that the specs make."""
        others = {
            None: [],
            "a sweep": ["other-learning_rate-0_001", "other-learning_rate-0_003"],
        }.get(self.other, ["other"])
        return ["tiny", *others]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """In the repository, with the quick executors first in PATH, and on the machine that they say they are on."""
        before, path = Path.cwd(), os.environ["PATH"]
        os.chdir(self.repo)
        os.environ["PATH"] = f"{self.bin}:{path}"
        try:
            with patch.object(disk, "stamp", lambda *_: self.machine["stamp"]):
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

    def plan(self, name: str, *, pull: bool = False) -> list[dict[str, str]]:
        """What `plan` says of an experiment."""
        text = self.command("plan", name, "--json", *(["--pull"] if pull else []))
        stages: list[dict[str, str]] = json.loads(text)["stages"]
        return stages

    def repro(self, name: str, *, pull: bool = False) -> set[str]:
        """Calls DVC. Returns the stage directories that something was executed in; the report's is empty."""
        from dvc.repo import Repo

        log = self.bin / "executed.txt"
        log.write_text("", encoding="utf-8")
        place = f"experiments/{name}/dvc.yaml"
        with self.inside(), Repo(".") as repo:
            repo.reproduce([f"{place}:{name}" if Path(place).is_file() else name], pull=pull)
        forget_trees()
        rows = log.read_text(encoding="utf-8").split("\n")[:-1]
        assert len(rows) == len(set(rows))
        return set(rows)

    def compare(self, what: str, name: str = "tiny", *, pull: bool = False) -> None:
        """Plans, compiles, plans again, reproduces, and holds the plan against what was executed."""
        before = self.plan(name, pull=pull)
        self.command("compile")
        steps = self.plan(name, pull=pull)
        assert [(row["key"], row["action"]) for row in before] == [
            (row["key"], row["action"]) for row in steps
        ], what
        try:
            executed = self.repro(name, pull=pull)
        except ReproductionError:
            remedies = [
                row["cause"].partition("so first: ")[2].split()
                for row in steps
                if STOPS in row["cause"]
            ]
            assert remedies, f"DVC stopped after: {what}"
            print("DVC stopped, as the plan said", flush=True)
            for remedy in remedies:
                call(*remedy, cwd=self.repo)
            self.compare(f"{what}, and {remedies}", name, pull=pull)
            return
        did = {
            row["directory"]: self._did(row["directory"]) if row["directory"] in executed else ""
            for row in steps
        }
        wrong = [row for row in steps if did[row["directory"]] not in DOES[row["action"]]]
        told = "\n".join(
            f"{did[row['directory']]:5}{row['action']:8} {row['label']}: {row['cause']}"
            for row in steps
        )
        assert not wrong, (
            f"after: {what}{' (--pull)' if pull else ''}: {name}\nwrong: {[row['label'] for row in wrong]}\n{told}"
        )
        assert executed <= {row["directory"] for row in steps}
        self.seen.update(row["action"] for row in steps)
        self.seen["restore from the remote"] += sum(
            "remote" in row["cause"] for row in steps if row["action"] == "restore"
        )
        self.seen["edits"] += 1
        assert {row["action"] for row in self.plan(name)} == {"reuse"}, (
            f"after {what}, DVC is done, and the plan is not"
        )
        self._tidy()

    def _did(self, directory: str) -> str:
        """Whether what was executed did its work or passed the last result through, as its log tells."""
        path = self.repo / "store" / directory / "log" / "run.json"
        return (
            "pass"
            if directory and json.loads(path.read_text(encoding="utf-8")).get("passed")
            else "run"
        )

    def _tidy(self) -> None:
        """Keeps the store small, as `gc` does: DVC reads all of it each time."""
        indexes = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in self.repo.glob("experiments/*.json")
        ]
        kept = {row["directory"] for index in indexes for row in index["stages"]}
        folders = [path for path in self.repo.glob("store/*") if path.name not in kept]
        for path in folders if len(folders) > 25 else []:
            shutil.rmtree(path)

    # --- edits ----------------------------------------------------------------------------------------------------------

    def edit(self) -> str:
        """Makes a random edit; returns what it was."""
        edits: list[tuple[int, Callable[[], str]]] = [
            (8, self.change_a_value),
            (2, self.change_the_prompt),
            (3, self.change_the_other_spec),
            (3, self.undo_an_edit),
            (3, self.delete_outs),
            (2, self.damage_an_out),
            (3, self.delete_locks),
            (3, self.delete_cached),
            (1, self.damage_cached),
            (1, self.delete_run_cache),
            (2, self.lose_an_iteration),
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
        value = copy.deepcopy(
            self.random.choice([value for value in values if value != holder.get(path[-1])])
        )
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

    def change_the_other_spec(self) -> str:
        self.other = self.random.choice([other for other in (None, *OTHERS) if other != self.other])
        self.write()
        return f"the other spec: {self.other}"

    def undo_an_edit(self) -> str:
        if self.undo:
            self.spec, self.template = self.undo.pop()
            self.write()
        return "undone"

    def _some(self, pattern: str, most: int) -> list[Path]:
        found = sorted(self.repo.glob(pattern))
        return self.random.sample(found, min(len(found), self.random.randint(1, most)))

    def delete_outs(self) -> str:
        paths = self._some(
            self.random.choice(["store/*/out/*", "store/*/out", "store/*/log", "reports/*"]), 4
        )
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
        paths = self._some("store/*/dvc.lock", self.random.choice([3, 1000])) + self._some(
            "dvc.lock", 1
        )
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

    def lose_an_iteration(self) -> str:
        """Locks and the runs that they could be restored from; what the gate before it said is still known."""
        stages = self.stages()
        number = self.random.choice(
            sorted({use["iteration"] for row in stages for use in row["uses"] if use["iteration"]})
        )
        self.delete_run_cache()
        for row in stages:
            if row["kind"] != "gate" and any(use["iteration"] == number for use in row["uses"]):
                (self.repo / "store" / row["directory"] / "dvc.lock").unlink(missing_ok=True)
        return f"lost iteration {number}"

    def lose_candidates(self) -> str:
        """What a teacher wrote, from the workspace and the cache; the locks stay."""
        for row in self.stages():
            if row["kind"] != "generate":
                continue
            folder = self.repo / "store" / row["directory"]
            lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
            for out in lock["stages"]["generate"]["outs"]:
                digest = out["md5"]
                cached = self.repo / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
                cached.unlink(missing_ok=True)
            shutil.rmtree(folder / "out", ignore_errors=True)
        return "lost candidates"

    def stages(self) -> list[dict[str, Any]]:
        """The stages of the first spec, as compiled last."""
        found: list[dict[str, Any]] = json.loads(
            (self.repo / "experiments" / "tiny.json").read_text(encoding="utf-8")
        )["stages"]
        return found

    def stopped(self) -> bool:
        """Whether a gate of the first spec says stop."""
        gates = [
            self.repo / "store" / row["directory"] / "out" / "gate" / "gate.json"
            for row in self.stages()
            if row["kind"] == "gate"
        ]
        return any(json.loads(path.read_text(encoding="utf-8"))["stop"] for path in gates)

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
        self.leave()
        if self.random.random() < 0.4:
            call("dvc", "pull", "-q", cwd=self.repo, ok=False)
            return "cloned and pulled"
        return "cloned"

    def leave(self) -> None:
        """Commits, and goes on in a clone that has nothing of what DVC keeps."""
        call("git", "add", "-A", cwd=self.repo)
        call("git", "commit", "-qm", "work", "--allow-empty", cwd=self.repo)
        old, self.repo = (
            self.repo,
            self.folder / f"repo-{int(self.repo.name.rpartition('-')[2]) + 1}",
        )
        call("git", "clone", "-q", str(old), str(self.repo), cwd=self.folder)
        call("git", "config", "user.name", "A", cwd=self.repo)
        call("git", "config", "user.email", "a@example.com", cwd=self.repo)
        shutil.rmtree(old)

    def move_to_another_machine(self) -> str:
        here = self.machine["stamp"] == stamp()
        self.machine |= {
            "salt": int(here),
            "stamp": {**stamp(), "python": "3.99"} if here else stamp(),
        }
        self.save_machine()
        return "moved to another machine" if here else "moved back to this machine"
