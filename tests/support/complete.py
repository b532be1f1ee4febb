"""A finished experiment on disk that has everything which a report can show; nothing is run for it.

`with-state` is labelled, rewarded and trained on GPUs; `no-state` borrows its data, stops early in one run and knows its items by the
groups of their source. What a report says only where nothing is there is in `tests.support.reported` and its kin.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.records.files import read_json, read_rows, write_json, write_rows
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.responses import LoggedResponse
from tests.support.images import drawn
from tests.support.taught import HOSTILE, Taught
from tests.support.tracked import SEALED, answers

LABELLED, BORROWING = "with-state", "no-state"
SEEDS: Final = (0, 1)
COPIES: Final = 3
"""Trainings of one student that are done again; with its own they are more than a chain names."""
PART: Final = 0.1
"""Of the examples of an iteration, those that a training takes."""
STOPPED: Final = (BORROWING, 1, 2)
"""The iteration before which the loop of a run stopped."""
PRICES: Final = "machine_hour: 3\ngpu_hour: 2\nmodels: {big: {prompt: 2.5, generated: 10}}\n"
QUESTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"arm": LABELLED, "against": BORROWING, "primary": True, "equivalence": 10},
    {"arm": LABELLED, "against": LABELLED, "other": "base", "split": "selection"},
    {"arm": LABELLED, "against": BORROWING, "slice": [["level", f"2 {HOSTILE}"]]},
    {"arm": LABELLED, "against": BORROWING, "skill": f"nowhere {HOSTILE}"},
)
"""One that matters, one on what chose the best, one of a part, and one that no item answers."""


class Complete(Taught):
    """The store of `taught` with all that its report lacks."""

    def __init__(self, root: Path) -> None:
        image = drawn()
        digest = hashlib.sha256(image).hexdigest()
        self.picture = Picture(digest=digest, media="image/png", width=64, height=48)
        self.image = image
        self.checks: list[str] = []
        super().__init__(root, seeds=SEEDS, fewer=2, copies=2)
        (root / "prices.yaml").write_text(PRICES, encoding="utf-8")
        for seed in SEEDS:
            for arm in (LABELLED, BORROWING):
                self._elsewhere(arm, seed)
        for number in range(1, COPIES + 1):
            self._retrained(LABELLED, SEEDS[0], number, self.checks[:1])
        self._index(root / "experiments" / "tiny.json")

    def _index(self, path: Path) -> None:
        index = read_json(path)
        index["stamps"] = [f"'selection' has the items of 'feedback', too {HOSTILE}"]
        index["contrasts"] = [{"student": "best", "split": "test", **one} for one in QUESTIONS]
        index["noise"]["retrain"] = COPIES
        index["inputs"] = dict.fromkeys((f"data/{HOSTILE}.jsonl", "specs/tiny.yaml"), "ab" * 32)
        index["settings"][BORROWING]["skills"] = {}
        index["settings"][BORROWING]["data_from"] = {"arm": LABELLED}
        for row in self.stages.values():
            if row["kind"] == "label":
                row["uses"] = [use for use in row["uses"] if use["arm"] == LABELLED]
        first = self.stages[self.checks[0]]
        first["uses"].append({**first["uses"][0], "arm": BORROWING})
        index["stages"] = list(self.stages.values())
        write_json(path, index)

    def _stage(  # type: ignore[override]
        self, arm, seed, turn, kind, what, inputs=(), *, ports=None, log=None, curve=None, **more
    ) -> str:
        log = dict(log or {})
        if kind == "data":
            log |= {"skipped": {"no answer": 3}, "wrong_gold": 2}
        if kind in ("train", "evaluate"):
            log |= _machine(arm)
        if kind == "train":
            log["set_aside"] = int(arm == BORROWING)
            curve = [{**one, "loss": 0.5, "reward": 0.1 * one["step"] / 10} for one in curve]
            log |= {"cut": 1, "left_out": 1, "examples": 5, "pairs": 40, "sampled": 80}
        if kind == "evaluate":
            ports = {name: self._answered(rows) for name, rows in ports.items()}
            log |= {"unreadable": {"time": 1}}
        stopped = (arm, seed) == STOPPED[:2]
        if stopped and turn == STOPPED[2] and kind in ("plan", "generate", "check", "train"):
            log |= {"passed": True}
        if kind == "select" and stopped:
            ports = {"choice/choice.json": {"best": 1, "last": 1, "accuracy": [0.25]}}
        key = super()._stage(
            arm, seed, turn, kind, what, inputs, ports=ports, log=log, curve=curve, **more
        )
        folder = self.root / "store" / self.stages[key]["directory"]
        run = folder / "log" / "run.json"
        write_json(run, {**read_json(run), "python": "3.11"})
        if kind == "evaluate":
            write_json(folder / "stage.json", {"params": _params(turn)})
        if kind == "train" and arm == BORROWING:
            says = read_json(folder / "stage.json")
            params = {**says["params"], "fraction": PART}
            write_json(folder / "stage.json", {**says, "params": params})
        if kind == "generate":
            self._paint(folder / "out" / "candidates")
        if kind == "check":
            for name in ("accepted", "rejected"):
                self._show(folder / "out" / name / "examples.jsonl")
            shown = read_rows(folder / "out" / "accepted" / "examples.jsonl")
            asked = [_asked(row["id"], key) for row in shown[:1]]
            write_rows(folder / "log" / "responses.jsonl", asked)
            self.checks.append(key)
        if kind == "plan" and stopped and turn == STOPPED[2]:
            gate = {"gate/gate.json": {"stop": True}}
            self._stage(arm, seed, turn, "gate", ["gate", arm, seed], ports=gate)
        return key

    def _answered(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answers to questions about images, several to each, in slices and clusters."""
        found = []
        for row in rows:
            number = int(row["id"])
            names = ("prediction", "score", "correct", "unparseable", "truncated")
            drawn = {name: row[name] for name in names}
            other = {**drawn, "correct": not row["correct"], "score": 1 - row["score"]}
            more = {
                "cluster": f"c{number // 4}",
                "images": [self.picture.plain()],
                "input": f"{HOSTILE} {number % 2}",
                "samples": [drawn, other],
                "slices": {"level": f"{1 + number % 2} {HOSTILE}"},
            }
            found.append({**row, **more})
        return found

    def _paint(self, port: Path) -> None:
        file = port / self.picture.file
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(self.image)
        self._show(port / "examples.jsonl")

    def _show(self, path: Path) -> None:
        """Lets examples ask about an image; every other one comes of an agent's second round."""
        rows = []
        for row in read_rows(path):
            made = dict(row["provenance"])
            if made["request"] % 2:
                made["agent_round"] = 2
            rows.append({**row, "images": [self.picture.plain()], "provenance": made})
        write_rows(path, rows)

    def _elsewhere(self, arm: str, seed: int) -> None:
        """Another test set, and the sealed test by every student."""
        taught = [{"iteration": turn, **row} for turn in (1, 2) for row in answers(9 + turn)]
        for turn, rows in ((0, answers(6)), (None, taught)):
            what = ["probe", turn, None if turn == 0 else (arm, seed)]
            ports = {"test/results.jsonl": rows}
            key = self._stage(arm, seed, turn, "evaluate", what, ports=ports)
            self.stages[key]["uses"][-1]["probe"] = f"elsewhere {HOSTILE}"
        for turn, student in ((1, "best"), (2, "last")):
            stopped = (arm, seed, turn) == STOPPED
            rows = [] if stopped else answers(SEALED[student])
            ports = {"test/results.jsonl": rows}
            what, log = ["each", turn, arm, seed], {"passed": stopped}
            key = self._stage(arm, seed, None, "evaluate", what, ports=ports, log=log)
            self.stages[key]["uses"][-1]["each"] = turn


def _machine(arm: str) -> dict[str, Any]:
    """Where the stages of an arm ran: two machines, so that the report has to say so."""
    if arm == LABELLED:
        return {"device": "cuda", "gpu": f"GPU {HOSTILE}", "tokens": {"trained": 90, "prompt": 9}}
    return {"device": "cpu", "processor": "CPU", "tokens": {"trained": 90, "prompt": 9}}


def _asked(example: str, stage: str) -> LoggedResponse:
    """What a check asked a teacher about an example, who answered something else."""
    prompt = {"role": "user", "content": f"Is it right? {HOSTILE}"}
    return LoggedResponse(
        key="v",
        stage=stage,
        at=0.0,
        reply={"text": f"Perhaps {HOSTILE}"},
        teacher="judge",
        ask=example,
        sample=0,
        messages=(prompt,),
        fault=f"no verdict {HOSTILE}",
    )


def _params(turn: int | None) -> dict[str, Any]:
    """How a student was asked: the untaught one by another template."""
    generate = {"temperature": 0.5, "samples": 2, "backend": {"kind": "transformers"}}
    template = f"{HOSTILE} {{input}}" if turn == 0 else "{input}"
    return {"template": template, "generate": generate, "score": {"kind": "exact"}}
