"""A finished experiment on disk, written without running anything: for what tracking makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.records.files import write_json, write_rows

ARMS = ("with-state", "no-state")
SKILLS = ("gcd", "solve for x (hard)")
LABELS = ("late", "early (found)")
"""Skills that the items of test are labelled with, the second half and the first."""
ITERATIONS = 2
EPOCH = 1_700_000_000
SEALED = {"base": 3, "best": 11, "last": 7}
"""Right answers of 16 on the sealed test: shares that no other split has."""


class Store:
    """Writes an experiment's index and, as far as asked, the results of its stages."""

    def __init__(
        self,
        root: Path,
        *,
        upto: int | None = None,
        closed: bool = True,
        seeds: tuple[int, ...] = (0,),
        rate: float = 0.001,
        epoch: int = EPOCH,
        fewer: int = 0,
        arms: tuple[str, ...] = ARMS,
        iterations: int = ITERATIONS,
        name: str = "tiny",
        sweep: str | None = None,
        description: str = "Does it teach?",
        copies: int = 0,
        retrained: int = 0,
        right: Callable[[str, int, int], int] = lambda arm, seed, turn: 2 * turn + 2,
    ) -> None:
        """Writes it all.

        Args:
            root: the repository.
            upto: the last iteration that is done.
            closed: whether selection and the sealed test are done as well.
            seeds: of the runs.
            rate: a setting that has other students.
            epoch: when it all began, in seconds.
            fewer: by how many examples `no-state` is taught less in each iteration.
            arms: their names; the first of them sees the student's errors.
            iterations: how many every arm has.
            name: of the experiment.
            sweep: of which it is a point.
            description: what the spec says of itself.
            copies: how often the last student of the first run is evaluated again.
            retrained: how often it is trained again.
            right: how many of 16 answers on selection are right, by arm, seed and iteration.
        """
        self.root, self.closed, self.epoch = root, closed, epoch
        self.iterations, self.right = iterations, right
        self.upto = iterations if upto is None else upto
        self.accepted = dict.fromkeys(arms, 5) | {"no-state": 5 - fewer}
        self.stages: dict[str, dict] = {}
        (root / ".dvc").mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            for arm in arms:
                self._run(arm, seed, rate)
        for number in range(1, copies + 1):
            self._copy(arms[0], seeds[0], number, rate)
        for number in range(1, retrained + 1):
            self._retrained(arms[0], seeds[0], number)
        settings = {
            arm: {
                "environment": "skill-list",
                "skills": {"label": ["test"]},
                "agent": {"observe": arm},
                "loop": {"iterations": iterations},
                "prompt": "x" * 900,
                "rate": rate,
            }
            for arm in arms
        }
        contrasts = [
            {
                "arm": arms[0],
                "against": other,
                "primary": other == arms[1],
                "split": "test",
                "student": "best",
            }
            for other in arms[1:]
        ]
        index = {
            "format": 1,
            "name": name,
            "description": description,
            "sweep": sweep,
            "arms": list(arms),
            "seeds": list(seeds),
            "settings": settings,
        }
        index |= {
            "iterations": dict.fromkeys(arms, iterations),
            "contrasts": contrasts,
            "inputs": {},
            "stages": list(self.stages.values()),
        }
        if copies or retrained:
            student = {"arm": arms[0], "seed": seeds[0], "iteration": iterations}
            index["noise"] = {**student, "split": "selection"} | {
                "reevaluate": copies,
                "retrain": retrained,
            }
        (root / "experiments").mkdir(exist_ok=True)
        write_json(root / "experiments" / f"{name}.json", index)

    def _stage(
        self,
        arm,
        seed,
        turn,
        kind,
        what,
        inputs=(),
        ports=None,
        done=True,
        log=None,
        curve=None,
        quality=None,
        label=None,
    ) -> str:
        key = digest("test stage", what)
        row = self.stages.setdefault(
            key,
            {
                "directory": f"{kind}-{key[:16]}",
                "key": key,
                "kind": kind,
                "inputs": sorted(inputs),
                "uses": [],
            },
        )
        if kind == "evaluate" and "selection/results.jsonl" in (ports or {}):
            label = "evaluate on selection"
        use = {"arm": arm, "seed": seed, "iteration": turn, "label": f"{arm}, {label or kind}"}
        row["uses"].append(use)
        folder = self.root / "store" / row["directory"]
        if not done or (folder / "log" / "run.json").exists():
            return key
        for name, content in (ports or {}).items():
            (folder / "out" / name).parent.mkdir(parents=True, exist_ok=True)
            (write_rows if name.endswith("l") else write_json)(folder / "out" / name, content)
        (folder / "log").mkdir(parents=True)
        if curve:
            write_rows(folder / "log" / "loss.jsonl", curve)
        if quality:
            write_json(folder / "log" / "quality.json", quality)
        started = self.epoch + 10 * list(self.stages).index(key) + 0.125
        write_json(
            folder / "log" / "run.json",
            {"started": started, "seconds": {"total": 2.5}, **(log or {})},
        )
        return key

    def _copy(self, arm: str, seed: int, number: int, rate: float) -> None:
        """An evaluation of a run's last student, done again: an answer more is right, or less."""
        right = self.right(arm, seed, self.iterations) + (-1) ** number
        key = self._stage(
            arm,
            seed,
            None,
            "evaluate",
            ["again", number, arm, seed, rate],
            ports={"selection/results.jsonl": answers(right)},
            done=self.closed,
        )
        self.stages[key]["uses"][-1]["copy"] = {"of": "reevaluate", "number": number}

    def _retrained(self, arm: str, seed: int, number: int, inputs=()) -> None:
        """A run's last student, trained and evaluated again: so many answers more are right."""
        right = answers(self.right(arm, seed, self.iterations) + number)
        ports = {"selection/results.jsonl": right}
        for kind, more in (("train", {"curve": []}), ("evaluate", {"ports": ports})):
            key = self._stage(arm, seed, None, kind, [kind, "again", number], inputs, **more)
            self.stages[key]["uses"][-1]["copy"] = {"of": "retrain", "number": number}

    def _run(self, arm: str, seed: int, rate: float) -> None:
        def stage(turn, kind, what, *arguments, **more):
            more["done"] = (turn or 0) <= self.upto
            return self._stage(arm, seed, turn, kind, what, *arguments, **more)

        data = stage(None, "data", ["data"], ports={"selection/items.jsonl": []})
        base = stage(
            0,
            "student",
            ["student", rate],
            [data],
            curve=_curve(3),
            log={"tokens": {"trained": 900}, "examples": 20, "steps": 30},
        )
        selected = [
            stage(
                0,
                "evaluate",
                ["selection", 0, rate],
                [data, base],
                ports={"selection/results.jsonl": answers(2)},
            )
        ]
        stage(
            0,
            "evaluate",
            ["test", 0, rate],
            [data, base],
            ports={"test/results.jsonl": answers(SEALED["base"])},
        )
        seen = stage(
            0,
            "evaluate",
            ["feedback", 0, rate],
            [data, base],
            ports={"hidden/results.jsonl": answers(4)},
            log={"tokens": {"generated": 7, "prompt": 99}},
        )
        stage(
            0,
            "skills",
            ["skills"],
            [data],
            ports={"skills/skills.json": {"skills": list(SKILLS), "items": {}}},
            quality={"items": 9, "skills": 2, "left_out": 1, "coverage": 0.75, "balance": 0.5},
        )
        checks, trained = [], []
        for turn in range(1, self.iterations + 1):
            me = [arm, seed, turn, rate]
            observed = [seen] if arm == "with-state" else []
            plan = stage(
                turn,
                "plan",
                ["plan", me],
                observed,
                ports={"plan/plan.json": _plan(turn, bool(observed))},
            )
            made = stage(
                turn,
                "generate",
                ["generate", me],
                [plan],
                ports={"candidates/examples.jsonl": examples_of(me, 9)},
                log={"tokens": {"generated": 40}},
            )
            accepted = self.accepted[arm]
            tally = {"accepted": accepted, "duplicate": 8 - accepted, "surplus": 1}
            ports = {
                "accepted/examples.jsonl": examples_of(me, accepted),
                "rejected/tally.json": {"gcd": tally},
                "rejected/examples.jsonl": [],
            }
            checks.append(
                stage(
                    turn,
                    "check",
                    ["check", me],
                    [plan, made],
                    ports=ports,
                    log={"accepted": accepted},
                )
            )
            trained.append(
                stage(
                    turn,
                    "train",
                    ["train", me],
                    [base, *checks],
                    curve=_curve(turn),
                    log={"tokens": {"trained": 100 * turn}, "device": "cpu"},
                )
            )
            selected.append(
                stage(
                    turn,
                    "evaluate",
                    ["selection", me],
                    [data, trained[-1]],
                    ports={"selection/results.jsonl": answers(self.right(arm, seed, turn))},
                )
            )
            if arm == "with-state" and turn < self.iterations:
                seen = stage(
                    turn,
                    "evaluate",
                    ["feedback", me],
                    [data, trained[-1]],
                    ports={"hidden/results.jsonl": answers(5)},
                )
        scores = [min(1.0, 0.25 + 0.125 * number) for number in range(self.iterations)]
        choice = {"best": 1, "last": self.iterations, "accuracy": scores}
        done = self.closed and self.upto == self.iterations
        chosen = self._stage(
            arm,
            seed,
            None,
            "select",
            ["select", arm, seed, rate],
            selected,
            ports={"choice/choice.json": choice},
            done=done,
        )
        rows = [
            {"iteration": n, **row}
            for n, name in ((1, "best"), (self.iterations, "last"))
            for row in answers(SEALED[name])
        ]
        self._stage(
            arm,
            seed,
            None,
            "evaluate",
            ["sealed", arm, seed, rate],
            [chosen, *trained],
            ports={"test/results.jsonl": rows},
            done=done,
        )
        names = {row["id"]: LABELS[int(row["id"]) < 8] for row in rows}
        self._stage(
            arm,
            seed,
            None,
            "label",
            ["label"],
            [data],
            ports={"test/labels.json": {"skills": list(LABELS), "items": names}},
            done=done,
            label="label the test split",
        )


def answers(right: int) -> list[dict]:
    return [
        {
            "id": str(n),
            "group": SKILLS[n % 2],
            "input": f"{n} - {n - 1}",
            "target": "1",
            "prediction": "1",
            "score": float(n < right),
            "correct": n < right,
            "unparseable": False,
            "truncated": n == 0,
        }
        for n in range(16)
    ]


def examples_of(what, count: int) -> list[dict]:
    fields = {"input": "1 + 1", "target": "2", "group": "gcd", "cluster": "", "skill": "gcd"}
    return [{"id": f"{what} {n}", **fields} for n in range(count)]


def _plan(turn: int, observed: bool) -> dict:
    seen = {"scores": {"gcd": 0.5, SKILLS[1]: 0.25}} if observed else {}
    return {
        "iteration": turn,
        "allocation": {"gcd": 4, SKILLS[1]: 6},
        "reasons": {"gcd": "it | is weak"},
        "errors": {},
        **seen,
    }


def _curve(seed: int) -> list[dict]:
    return [
        {
            "step": step,
            "loss": float("nan") if step == 30 else 1 / (seed + step),
            "learning_rate": 0.1,
            "seconds": step / 10,
        }
        for step in (10, 20, 30)
    ]
