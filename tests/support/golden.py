"""Golden bytes: what a stage kind or component makes of a fixed input, by its `semantics` number.

A change of these bytes without a raised number would give old results a new meaning: a stage's key
would stay, and with it everybody's cached result. To change what a kind or component makes, raise its
number and enter the new digest beside it. The digests stand in the component's own test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.hashing import digest, unit_interval
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.gym import make as maker
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read_rows, write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Like, Request

TEMPLATE = '{% if group == "sum" %}{{ metadata.expression }}{% else %}{{ input | upper }}{% endif %}\n={{ group[:1] }}'
FAMILIES = {
    "sum": {
        "dataset": "chain_sum",
        "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 2},
    },
    "gcd": {"dataset": "gcd", "config": {"min_numbers": 2, "max_numbers": 2, "max_value": 60}},
}
ROWS = [
    {
        "q": f"What is {n} + {n % 7}?",
        "a": str(n + n % 7),
        "g": "even" if n % 2 == 0 else "odd",
        "c": f"c{n // 3}",
    }
    for n in range(60)
]
FIELDS = {"input": "q", "target": "a", "group": "g", "cluster": "c"}
OBSERVE = {"errors": 2, "scores": True, "yield": True}
LANES = {"test": [0.0, 0.1], "selection": [0.1, 0.15], "feedback": [0.15, 0.3], "pool": [0.3, 0.5]}


def component(slot: str, kind: str, **options: Any) -> dict[str, Any]:
    """A component as it enters a stage's parameters."""
    return {"kind": kind, **options, "semantics": definition(slot, kind).version()}


def make(slot: str, plain: dict[str, Any], files: dict[str, Path] | None = None) -> Any:
    """An instance of a component as a stage's parameters describe it."""
    return maker.make(Component.parse(slot, plain), files=files)


def requests(**amounts: int) -> list[Request]:
    return [Request(id=skill, count=count, skill=skill) for skill, count in amounts.items()]


def likes(pool: Sequence[Item], *places: int) -> tuple[Like, ...]:
    """Some items of a pool, as a request names them."""
    rows = [pool[place] for place in places]
    return tuple(Like(input=row.input, target=row.target, group=row.group, id=row.id) for row in rows)  # fmt: skip


def families() -> dict[str, Any]:
    return component("source", "reasoning-gym", families=FAMILIES)


def engine() -> dict[str, Any]:
    return component(
        "engine",
        "procedural",
        oversample=2.0,
        corrupt=0.3,
        teacher=component("teacher", "procedural", source=families()),
    )


def items() -> list[Item]:
    """Two dozen fixed problems."""
    made = make("source", families())
    return [item for group in made.groups() for item in islice(made.stream(group, 5), 12)]


@dataclass(slots=True)
class Workshop:
    """Runs stages one after the other as DVC would, without it, and keeps what they wrote, noted and said."""

    folder: Path
    outs: dict[str, Path] = field(default_factory=dict)
    contexts: dict[str, Context[Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def run(
        self,
        name: str,
        kind: str,
        params: dict[str, Any],
        reads: tuple[tuple[str, str, str], ...] = (),
        files: dict[str, Path] | None = None,
        shards: Shards | None = None,
        **more: Any,
    ) -> Path:
        """Executes a stage; `reads` are slot, name of the stage that is read, and port."""
        made = self.context(name, kind, params, reads, files, shards, **more)
        executor(kind)(made)
        made.close()
        self.outs[name], self.contexts[name] = made.out_folder, made
        return made.out_folder

    def context(
        self,
        name: str,
        kind: str,
        params: dict[str, Any],
        reads: tuple[tuple[str, str, str], ...] = (),
        files: dict[str, Path] | None = None,
        shards: Shards | None = None,
        **more: Any,
    ) -> Context[Any]:
        """What the executor of a stage is handed."""
        out, log, work = (self.folder / name / part for part in ("out", "log", "work"))
        parsed = KINDS[kind].params.parse(params)
        for path in (*(out / port for port in KINDS[kind].ports(parsed)), log, work):
            path.mkdir(parents=True, exist_ok=True)
        ports = tuple(
            PortRead(slot=slot, port=port, path=self.outs[stage] / port, key=f"key-of-{stage}")
            for slot, stage, port in reads
        )
        return Context(
            key=f"key-of-{name}", params=parsed, reads=ports, files=files or {}, out_folder=out, log=log, work=work, say=self.said.append, shards=shards, **more
        )  # fmt: skip

    def data(self, role: str, **more: Any) -> Path:
        return self.run(
            role,
            "data",
            {
                "role": role,
                "source": families(),
                "score": component("scorer", "reasoning-gym"),
                "draw": {"per_group": 8},
                "lane": LANES[role],
                "seed": 3,
                **more,
            },
        )

    def answers(self, name: str, items_of: str, port: str) -> None:
        """What a student might have answered; which answers are right depends on nothing but the item."""
        rows = []
        for row in read_rows(self.outs[items_of] / port / "items.jsonl"):
            right = unit_interval(name, row["id"]) < 0.5
            shown: dict[str, Any] = {key: row[key] for key in ("id", "group", "input", "target")}
            answer: dict[str, Any] = {
                "prediction": row["target"] if right else "?",
                "correct": right,
            }
            marks: dict[str, Any] = {
                "score": float(right),
                "unparseable": False,
                "truncated": False,
            }
            rows.append(Result(**shown, **answer, **marks))
        (self.folder / name / "out" / port).mkdir(parents=True)
        write_rows(self.folder / name / "out" / port / "results.jsonl", rows)
        self.outs[name] = self.folder / name / "out"

    def loop(self) -> None:
        """Everything up to the second plan."""
        self.data("feedback", show=0.25)
        self.run(
            "skills",
            "skills",
            {"discover": component("discovery", "gold")},
            (("items", "feedback", "shown"), ("items", "feedback", "hidden")),
        )
        self.run(
            "reserve",
            "reserve",
            {"lanes": {"test": LANES["test"]}, "sources": {"test": families()}, "seed": 3},
        )
        results = []
        for port in ("shown", "hidden"):
            self.answers(f"base-{port}", "feedback", port)
            results.append(("results", f"base-{port}", port))
        policy = component("policy", "allocate", power=1.0, floor=0.2)
        params = {"observe": OBSERVE, "policy": policy, "amount": 20, "seed": 7}
        self.run("plan", "plan", params, (*results, ("skills", "skills", "skills")))
        self.generate("generate", 0, ())
        self.check("check", "generate", ())
        self.generate("generate-again", 1, (("yield", "check", "yield"),))
        self.check(
            "check-again",
            "generate-again",
            (("yield", "check", "yield"), ("accepted", "check", "accepted")),
        )
        again = (
            ("state", "plan", "state"),
            ("yield", "check-again", "yield"),
            *results,
            ("skills", "skills", "skills"),
        )
        self.run("plan-again", "plan", params, again)

    def generate(self, name: str, round: int, reads: tuple[tuple[str, str, str], ...]) -> None:
        params = {"observe": OBSERVE, "engine": engine(), "iteration": 1, "round": round, "seed": 7}
        self.run(name, "generate", params, (("plan", "plan", "plan"), *reads))

    def check(self, name: str, candidates: str, reads: tuple[tuple[str, str, str], ...]) -> None:
        checks = [
            component("check", "scorable", action="reject"),
            component("check", "duplicate", action="record"),
        ]
        checks += [component("check", "overlap", action="reject", against=["test"])]
        params = {
            "observe": OBSERVE,
            "checks": checks,
            "score": component("scorer", "reasoning-gym"),
        }
        self.run(
            name,
            "check",
            params,
            (
                ("candidates", candidates, "candidates"),
                ("plan", "plan", "plan"),
                ("reserve", "reserve", "hashes"),
                *reads,
            ),
        )


def bytes_of(*folders: Path) -> str:
    """One digest over the names and bytes of all files."""
    found = [
        [path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()]
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    assert found
    return digest("golden", found)[:16]


def defaults(slot: str, kind: str) -> dict[str, Any]:
    """The options of a component that have a default."""
    options = definition(slot, kind).schema["properties"]
    return {name: option["default"] for name, option in options.items() if "default" in option}


def assert_golden(slot: str, name: str, digests: Mapping[int, str], content: Any) -> None:
    """Holds what a component, or a stage kind (slot `kind`), makes against the digest of its number."""
    number = KINDS[name].semantics if slot == "kind" else definition(slot, name).semantics
    made = content if slot == "kind" else digest("golden", content)[:16]
    assert number is not None and digests.get(number) == made, (
        f"what the {slot} '{name}' makes changed: raise its semantics and enter {{NUMBER: '{made}'}}"
    )
