"""A finished experiment on disk with all that teaching leaves: skill trees, what teachers were asked, and every fate.

Written without running anything, for what tracking and the report make of it. `with-state` grows skill trees and shows the
student's errors to a language model; `no-state` is blind and has the same model write without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.records.examples import Example, Notes, Provenance, Rejected
from dataenvgym_spec.records.files import read_json, write_json, write_rows
from dataenvgym_spec.records.logs import TeacherUse
from dataenvgym_spec.records.plans import Plan, Request, ShownError, Yield
from dataenvgym_spec.records.responses import LoggedResponse
from dataenvgym_spec.records.skills import Exploit, Explore, SkillScore, SkillTree, Subskill
from tests.support.tracked import SKILLS, Store

HOSTILE = (
    "<script>alert(1)</script> {{ 7 * 7 }} ${HOME} \"'> \u202e ![a](//evil.example/a.png) "
    "[b](javascript:alert(2)) \\<iframe src=//evil.example/c> www.evil.example <img src=//evil.example/d "
)
LONG = (
    "adding numbers of several digits that need a carry in more than one place, also across a zero"
)
CHECKS = {"scorable": "reject", "duplicate": "reject", "known": "record", "overlap": "off"}
SAW = SkillScore(accuracy=0.5, items=8)


def tree(turn: int) -> dict[str, SkillTree]:
    """The trees after a plan: explored, then exploited in one skill."""
    first = Subskill(name=LONG, allocation=4, added=1, asked=4, requested=4 * turn)
    second = Subskill(name=f"big {HOSTILE}", allocation=6, added=1, asked=1, requested=turn)
    grown = SkillTree(
        subskills=(first, second),
        move=Explore(count=2, allocation=4, subskills=(LONG, second.name)),
        score=SAW,
        interval=SAW.interval,
        cut=5,
    )
    if turn == 1:
        return {SKILLS[0]: grown, SKILLS[1]: SkillTree(missing=2)}
    moved = SkillTree(
        subskills=grown.subskills, move=Exploit(delta={LONG: -2}), score=SAW, reward=0.125
    )
    return {SKILLS[0]: moved, SKILLS[1]: SkillTree(reward=-0.05)}


def requests() -> tuple[Request, ...]:
    """What every plan of `with-state` asks for."""
    skill = SKILLS[0]
    return (
        Request(id="r1", count=4, skill=skill, subskill=LONG, brief=HOSTILE),
        Request(id="r2", count=6, skill=skill, subskill=f"big {HOSTILE}"),
    )


class Taught(Store):
    """The store of `tracked` with more in its stages."""

    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, **{"description": HOSTILE, **options})
        path = root / "experiments" / "tiny.json"
        index = read_json(path)
        for arm, settings in index["settings"].items():
            observe: Any = "nothing" if arm == "no-state" else {"errors": 2}
            checks = {name: {"action": action} for name, action in CHECKS.items()}
            settings["agent"] = {"observe": observe, "checks": checks}
        write_json(path, index)

    def _stage(  # type: ignore[override]
        self, arm, seed, turn, kind, what, inputs=(), *, ports=None, done=True, log=None, **more
    ) -> str:
        seeing, number = arm == "with-state", turn or 0
        if kind == "plan":
            ports = _planned(number, seeing)
            self._plan = what
        if kind == "generate":
            ports = {"candidates/examples.jsonl": _made(self._key(self._plan), number, seeing)}
            log = {"candidates": 9, "requested": 10, "made": {"calls": 3, "unreadable": 1}}
            log |= {"tokens": {"prompt": 300, "generated": 40}, "teachers": {"big": _used()}}
        if kind == "check":
            rows = _made(self._key(self._plan), number, seeing)
            ports, log = _judged(rows), {"accepted": 5, "candidates": 9, "rejected": {"scorable": 1, "duplicate": 2, "surplus": 1}}  # fmt: skip
        key = super()._stage(
            arm, seed, turn, kind, what, inputs, ports=ports, done=done, log=log, **more
        )
        if kind == "train":
            read = [one for one in inputs if self.stages[one]["kind"] == "check"]
            says = {"params": {"seed": seed}, "inputs": [["accepted", one, "accepted"] for one in read]}  # fmt: skip
            folder = self.root / "store" / self.stages[key]["directory"]
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "stage.json", says)
        if done and kind == "plan" and seeing:
            folder = self.root / "store" / self.stages[key]["directory"] / "log"
            write_rows(folder / "responses.jsonl", [_decision(n, key) for n in range(6)])
        if done and kind == "generate":
            folder = self.root / "store" / self.stages[key]["directory"] / "log"
            write_rows(folder / "responses.jsonl", [_response(n, key) for n in range(3)])
        return key

    @staticmethod
    def _key(what: Any) -> str:
        from dataenvgym_spec.core.hashing import digest

        return digest("test stage", what)


def _planned(turn: int, seeing: bool) -> dict[str, Any]:
    skill = SKILLS[0]
    if not seeing:
        plan = Plan(allocation={skill: 4, SKILLS[1]: 6}, reasons={}, iteration=turn, errors={})
        return {"plan/plan.json": plan.plain(), "state/state.json": {"history": []}}
    errors = tuple(
        ShownError(id=f"e{n}", input=f"{n} + {HOSTILE}", target="2", prediction=f"3 {HOSTILE}")
        for n in range(2)
    )
    plan = Plan(
        allocation={skill: 10},
        reasons={skill: f"50% right {HOSTILE}"},
        scores={skill: 0.5},
        iteration=turn,
        errors={skill: errors},
        requests=requests(),
        tree=tree(turn),
    )
    return {"plan/plan.json": plan.plain(), "state/state.json": {"history": []}}


def _made(plan: str, turn: int, seeing: bool) -> list[Example]:
    rows = []
    for number in range(9):
        made = Provenance(
            iteration=turn,
            plan=plan,
            teacher="openai",
            request=number,
            asks=(f"r/{number % 3}",),
            shown=("e1",) if seeing else (),
            model="big-1",
        )
        about = requests()[number % 2] if seeing else SKILLS[number % 2]
        row = Example(
            id=f"{turn}{number}{'a' if seeing else 'b'}",
            input=f"{number} + {HOSTILE}",
            target=f"{number}",
            group=SKILLS[0],
            cluster="",
            skill=about if isinstance(about, str) else about.skill,
            subskill=None if isinstance(about, str) else about.subskill,
            request=None if isinstance(about, str) else about.id,
            provenance=made,
        )
        rows.append(row)
    return rows


def _judged(rows: list[Example]) -> dict[str, Any]:
    from msgspec.structs import replace

    accepted = [replace(rows[0], notes={"known": f"right already {HOSTILE}"}), *rows[1:5]]
    rejected = [
        Rejected.by(row, check, f"no {HOSTILE}")
        for row, check in zip(rows[5:8], ("scorable", "duplicate", "duplicate"), strict=True)
    ]
    tally: dict[str, dict[str, int]] = {}
    fates = ["accepted"] * 5 + ["scorable", "duplicate", "duplicate", "surplus"]
    for row, fate in zip(rows, fates, strict=True):
        mine = tally.setdefault(row.skill, {})
        mine[fate] = mine.get(fate, 0) + 1
    names = sorted({row.asked_by for row in rows})
    given = {name: Yield(requested=5, accepted=2).plain() for name in names}
    noted = Notes(id=rows[1].id, skill=rows[1].skill, notes={"known": "right"})
    return {
        "accepted/examples.jsonl": accepted,
        "rejected/examples.jsonl": rejected,
        "rejected/noted.jsonl": [noted],
        "rejected/tally.json": tally,
        "yield/yield.json": given,
    }


def _used() -> dict[str, Any]:
    return TeacherUse(
        kind="openai",
        requests=4,
        retries=1,
        tokens={"prompt": 300, "generated": 40, "cached": 100},
        images={"512x512 low": 3},
        reused_tokens={},
        finishes={"stop": 2, "invalid": 1},
    ).plain()


def _decision(number: int, stage: str) -> LoggedResponse:
    """A question of the agent, for its plan."""
    prompt = {"role": "user", "content": f"Which skill is next? {HOSTILE}"}
    return LoggedResponse(
        key=f"d{number}",
        stage=stage,
        at=0.0,
        reply={"text": f"gcd {HOSTILE}"},
        teacher="planner",
        ask=f"decide/{number}",
        sample=0,
        messages=(prompt,),
    )


def _response(number: int, stage: str) -> LoggedResponse:
    return LoggedResponse(
        key=f"k{number}",
        stage=stage,
        at=0.0,
        reply={"text": f'{{"examples": []}} {HOSTILE}', "tokens": {}},
        teacher="big",
        ask=f"r/{number}",
        sample=0,
        messages=(
            {"role": "system", "content": "You write problems."},
            {"role": "user", "content": f"Prompt {number} {HOSTILE}\n" + "a line of it\n" * 40},
        ),
        fault=None,
    )


def ask_for(root: Path, skill: str) -> None:
    """Lets every plan ask for one more skill, as a teacher may call it."""
    for path in root.glob("store/plan-*/out/plan/plan.json"):
        plan = read_json(path)
        plan["allocation"][skill] = 1
        plan["reasons"][skill] = skill
        write_json(path, plan)
