"""Golden bytes: what each deterministic stage kind and component makes of a fixed input, by its `semantics` number.

A change of these bytes without a raised number would give old results a new meaning: a stage's key would stay, and with it
everybody's cached result. To change what a kind or component makes, raise its number and enter the new digest beside it. A new one
needs a case in `KIND_CASES` or `COMPONENT_CASES` and its digest in `GOLDEN`; the failing test prints it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.hashing import digest, unit_interval
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.stages import evaluate as evaluation
from dataenvgym_spec.execute.stages import train as training
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.gym import make as maker
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.environments.protocol import Seen, SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.students.models.protocol import Pretraining
from dataenvgym_spec.gym.students.models.scratch import ScratchModel
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.scoring import scored
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_rows, write_rows
from dataenvgym_spec.records.items import Item, in_lane
from dataenvgym_spec.records.plans import Request, Step, Yield
from dataenvgym_spec.records.splits import Kept, Reserve

GOLDEN: dict[tuple[str, str, int], str] = {
    # (slot or "kind", name, semantics): digest
    ("kind", "data", 1): "7e6f8bbf322bc0be",
    ("kind", "reserve", 1): "bda3a5d87085d110",
    ("kind", "skills", 1): "d4ca1973c9269af1",
    ("kind", "plan", 1): "5f06527b376d059a",
    ("kind", "generate", 1): "52dd8211516deb03",
    ("kind", "check", 1): "9d9fdd66004ea5b4",
    ("kind", "gate", 1): "71caceeb3c597b45",
    ("kind", "select", 1): "2d56282f85f35fbc",
    ("kind", "student", 1): "b6f379aad904d82f",
    ("kind", "train", 1): "b74163de459f6528",
    ("kind", "evaluate", 1): "e01bde6e8867e007",
    ("source", "reasoning-gym", 1): "b39d54f52cf1a94e",
    ("source", "jsonl", 1): "8f6b7de44ee25a5b",
    ("source", "hub", 1): "173b6b65ecf302c9",
    ("scorer", "reasoning-gym", 1): "cd510027364dcef5",
    ("scorer", "exact-match", 1): "fd63cf70cd227ec7",
    ("scorer", "math-verify", 1): "8a3fe27cd5e8ca46",
    ("discovery", "gold", 1): "ca0f72d0141352e0",
    ("environment", "skill-list", 1): "c39c57fe433391f3",
    ("policy", "allocate", 1): "9838441ea1f18da8",
    ("teacher", "procedural", 1): "e5ba6decde7af324",
    ("engine", "procedural", 1): "0aa421297a141d58",
    ("check", "scorable", 1): "cd8173a4a69a47ec",
    ("check", "duplicate", 1): "d4cf73231f7d0d0a",
    ("check", "overlap", 1): "e88ec81415823bc1",
    ("check", "known", 1): "76aff274b2755976",
}

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
LANES = {"test": [0.0, 0.1], "selection": [0.1, 0.15], "feedback": [0.15, 0.3]}


def component(slot: str, kind: str, **options: Any) -> dict[str, Any]:
    """A component as it enters a stage's parameters."""
    return {"kind": kind, **options, "semantics": definition(slot, kind).version()}


def make(slot: str, plain: dict[str, Any], files: dict[str, Path] | None = None) -> Any:
    """An instance of a component as a stage's parameters describe it."""
    return maker.make(Component.parse(slot, plain), files=files)


def requests(**amounts: int) -> list[Request]:
    return [Request(id=skill, count=count, skill=skill) for skill, count in amounts.items()]


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
    """Runs stages one after the other as DVC would, without it, and keeps what they wrote."""

    folder: Path
    outs: dict[str, Path] = field(default_factory=dict)

    def run(
        self,
        name: str,
        kind: str,
        params: dict[str, Any],
        reads: tuple[tuple[str, str, str], ...] = (),
        files: dict[str, Path] | None = None,
    ) -> Path:
        """Executes a stage; `reads` are slot, name of the stage that is read, and port."""
        out, log, work = (self.folder / name / part for part in ("out", "log", "work"))
        parsed = KINDS[kind].params.parse(params)
        for path in (*(out / port for port in KINDS[kind].ports(parsed)), log, work):
            path.mkdir(parents=True)
        ports = tuple(
            PortRead(slot=slot, port=port, path=self.outs[stage] / port, key=f"key-of-{stage}")
            for slot, stage, port in reads
        )
        made = Context(
            key=f"key-of-{name}", params=parsed, reads=ports, files=files or {}, out_folder=out, log=log, work=work, say=lambda _: None
        )  # fmt: skip
        executor(kind)(made)
        self.outs[name] = out
        return out

    def data(self, role: str, **more: Any) -> Path:
        return self.run(
            role,
            "data",
            {
                "role": role,
                "source": families(),
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
            shown = {key: row[key] for key in ("id", "group", "input", "target")}
            answer = {"prediction": row["target"] if right else "?", "correct": right}
            marks = {"score": float(right), "unparseable": False, "truncated": False}
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


def _bytes(*folders: Path) -> str:
    """One digest over the names and bytes of all files."""
    found = [
        [path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()]
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    assert found
    return digest("golden", found)[:16]


# --- stage kinds ------------------------------------------------------------------------------------------------------


def _data(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    path = shop.folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    listed = {
        "role": "selection",
        "source": component("source", "jsonl", path="sha256:x", fields=FIELDS),
        "draw": {"items": 4},
        "lane": [0.2, 0.7],
        "seed": 3,
    }
    return _bytes(
        shop.data("test"),
        shop.data("feedback", show=0.25),
        shop.run("listed", "data", listed, files={"sha256:x": path}),
    )


def _reserve(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    path = shop.folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    sources = {
        "test": component("source", "jsonl", path="sha256:x", fields=FIELDS),
        "feedback": families(),
    }
    params = {"lanes": {role: LANES[role] for role in sources}, "sources": sources, "seed": 3}
    return _bytes(shop.run("reserve", "reserve", params, files={"sha256:x": path}))


def _in_the_loop(*names: str) -> Callable[[Workshop, pytest.MonkeyPatch], str]:
    def case(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
        shop.loop()
        return _bytes(*(shop.outs[name] for name in names))

    return case


def _three_answers(shop: Workshop) -> tuple[tuple[str, str, str], ...]:
    shop.data("selection")
    for number in (1, 2, 3):
        shop.answers(f"answers-{number}", "selection", "selection")
    return tuple(("results", f"answers-{number}", "selection") for number in (1, 2, 3))


def _gate(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    reads = _three_answers(shop)
    return _bytes(
        *(
            shop.run(f"patience-{number}", "gate", {"patience": number}, reads)
            for number in (1, 2, 3)
        )
    )


def _select(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    reads = _three_answers(shop)
    return _bytes(
        *(
            shop.run(by, "select", {"by": by, "ties": "earliest"}, reads)
            for by in ("selection.accuracy", "last")
        )
    )


def _student(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    """What a student from scratch is pretrained on; the training itself promises the same bytes on the same machine only."""
    recipe = {"source": make("source", families()), "examples": {"sum": 9, "gcd": 5}}
    sizes = dict.fromkeys(("vocabulary", "rope_theta", "heads", "layers", "max_positions"), 1)
    prompt = PromptTemplate(TEMPLATE)
    tools = Pretraining(
        seed=1,
        prompt=prompt.render,
        free=lambda item: in_lane(3, item.cluster, [0.3, 1.0]),
        train=lambda *_: None,
    )
    items = ScratchModel(**sizes, pretrain=recipe).examples(tools)
    write_examples(shop.folder / "examples.jsonl", items, prompt)
    return _bytes(shop.folder)


def _train(shop: Workshop, patch: pytest.MonkeyPatch) -> str:
    """What is handed to the trainer, which is a process of its own."""
    given: dict[str, Any] = {}
    patch.setattr(training, "launch", lambda context, **more: given.update(more))
    shop.loop()
    reads = (
        ("base", "skills", "skills"),
        ("accepted", "check", "accepted"),
        ("accepted", "check-again", "accepted"),
    )
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4}
    settings |= {"method": "sft", "dtype": "float32"}
    shop.run("train", "train", {"template": TEMPLATE, "train": settings, "seed": 7}, reads)
    assert (given["trainer"].kind, given["adapter"], given["seed"]) == ("sft", None, 7)
    assert given["settings"].batch_size == 4
    assert given["settings"].dtype == "float32"
    return _bytes(shop.folder / "train" / "work")


def _evaluate(shop: Workshop, patch: pytest.MonkeyPatch) -> str:
    """The rows that become of given answers: of the real backends, only the machine's own promise the same text."""

    class Echo:
        device = "cpu"

        def generate(self, prompts: list[str]) -> list[Completion]:
            return [
                Completion(
                    text=prompt.split("=")[0][-2:],
                    tokens=2,
                    prompt_tokens=len(prompt),
                    truncated=len(prompt) % 2 == 0,
                )
                for prompt in prompts
            ]

    patch.setattr(evaluation, "load_backend", lambda *_, **__: Echo())
    shop.data("feedback", show=0.25)
    params = {
        "splits": ["shown", "hidden"],
        "generate": {"dtype": "float32", "backend": "vllm", "max_new_tokens": 2},
        "template": TEMPLATE,
        "score": component("scorer", "reasoning-gym"),
    }
    reads = (
        ("student", "feedback", "shown"),
        ("items", "feedback", "shown"),
        ("items", "feedback", "hidden"),
    )
    return _bytes(shop.run("evaluate", "evaluate", params, reads))


KIND_CASES: dict[str, Callable[[Workshop, pytest.MonkeyPatch], str]] = {
    "data": _data,
    "reserve": _reserve,
    "skills": _in_the_loop("skills"),
    "plan": _in_the_loop("plan", "plan-again"),
    "generate": _in_the_loop("generate", "generate-again"),
    "check": _in_the_loop("check", "check-again"),
    "gate": _gate,
    "select": _select,
    "student": _student,
    "train": _train,
    "evaluate": _evaluate,
}


# --- components -------------------------------------------------------------------------------------------------------

ANSWERS = [
    "7",
    " 7 ",
    "7.0",
    "",
    "seven",
    "A: 7",
    "so A: 7",
    "\\boxed{7}",
    "14/2",
    "$7$",
    "1,007",
    "-7",
    "A: 7 A: 8",
]


def _stream(made: Any) -> list[Any]:
    return [
        [group, [item.row() for item in islice(made.stream(group, 11), 25)]]
        for group in made.groups()
    ]


def _jsonl(shop: Path) -> Any:
    path = shop / "rows.jsonl"
    path.write_text(
        "\n".join(json.dumps(row) for row in [*ROWS, ROWS[0]]) + "\n\n", encoding="utf-8"
    )
    described = component("source", "jsonl", fields=FIELDS, path="sha256:x")
    return _stream(make("source", described, {"sha256:x": path}))


def _hub(_shop: Path) -> Any:
    """Items from the rows that the library gives; which rows it gives is the pinned commit's business."""
    loaded = definition("source", "hub").load()

    class Listed(loaded):  # type: ignore[misc, valid-type]
        def _rows(self, *_: Any) -> Any:
            return iter(ROWS)

    return _stream(
        Listed(
            id="a/b",
            revision="0" * 40,
            configs="all",
            split="train",
            fields={**FIELDS, "group": "c"},
        )
    )


def _scores(kind: str, **options: Any) -> Callable[[Path], Any]:
    def case(_shop: Path) -> Any:
        made = make("scorer", component("scorer", kind, **options))
        targets = [
            Item(id=str(n), input="3 + 4", target=target, group="g", cluster="c")
            for n, target in enumerate(["7", "A: 7", "x = \\frac{14}{2}"])
        ]
        answers = [(item, Answer(text=text)) for item in targets for text in ANSWERS]
        found = scored(made, answers)
        return [[score.value, score.parsed] for score in found]

    return case


def _own_scores(_shop: Path) -> Any:
    made = make("scorer", component("scorer", "reasoning-gym"))
    answers = [
        (item, Answer(text=text))
        for item in items()
        for text in [item.target, f" {item.target}\n", "", "9999", f"It is {item.target}."]
    ]
    found = scored(made, answers)
    return [[score.value, score.parsed] for score in found]


def _policy(_shop: Path) -> Any:
    scores = {
        "a": SkillScore(accuracy=1.0, items=20),
        "b": SkillScore(accuracy=0.55, items=20),
        "c": SkillScore(accuracy=0.1, items=7),
    }
    yields = {
        "a": Yield(requested=10, accepted=10),
        "b": Yield(requested=9, accepted=4),
        "c": Yield(requested=0, accepted=0),
    }
    seen = [(None, None), (scores, None), (None, yields), (scores, yields)]
    made = [
        make("policy", component("policy", "allocate", power=power, floor=floor))
        for power, floor in ((1.0, 0.05), (0.0, 0.0), (3.0, 0.5))
    ]
    acts = [
        policy.act(
            SkillListState(skills=("a", "b", "c"), scores=known, yields=given), 101, Tools(seed=0)
        )
        for policy in made
        for known, given in seen
    ]
    return [[act.allocation, act.reasons] for act in acts]


def _skill_list(_shop: Path) -> Any:
    environment = make("environment", component("environment", "skill-list"))
    drawn = items()
    answers = [
        Result(
            id=item.id, group=item.group, input=item.input, target=item.target, prediction="?",
            score=float(number % 3 == 0), correct=number % 3 == 0, unparseable=False, truncated=False,
        )
        for number, item in enumerate(drawn)
    ]  # fmt: skip
    of_item = {item.id: item.group for item in drawn}
    seen = Seen(
        skills=("gcd", "sum", "none"),
        of_item=of_item,
        hidden=answers,
        yields={"sum": Yield(requested=9, accepted=4)},
    )
    step = Step(allocation={"sum": 9}, reasons={})
    state = environment.observe(seen, environment.state(history=(step,)))
    blind = environment.observe(Seen(skills=("gcd",), of_item=of_item), None)
    action = Allocation(allocation={"gcd": 3, "sum": 4}, reasons={"gcd": "why"})
    asked = [request.plain() for request in environment.requests(state, action, 7)]
    after = environment.advance(state, action, seen.yields)
    return [state.plain(), blind.plain(), asked, after.plain(), seen.shortfall()]


def _objections(kind: str, **options: Any) -> Callable[[Path], Any]:
    def case(_shop: Path) -> Any:
        made = make("check", component("check", kind, **options))
        several = items()
        wrong = [Item(**{**item.row(), "target": f"{item.target}1"}) for item in several[::3]]
        blank = Item(**{**several[0].row(), "target": ""})
        reserve = Reserve(
            seed=3,
            roles={
                "test": Kept(lane=(0.0, 0.3)),
                "feedback": Kept(items=tuple(item.id for item in several[5:9])),
            },
        )
        asked = [*several, *wrong, blank]
        answers = {(item.id, item.target): number % 2 == 0 for number, item in enumerate(asked)}
        judge = make("scorer", component("scorer", "reasoning-gym"))
        sight = Sight(
            scorer=judge,
            accepted={item.id for item in several[::4]},
            reserve=reserve,
            answers=answers,
        )
        return made.objections([Example.of(item, item.group) for item in asked], sight)

    return case


COMPONENT_CASES: dict[tuple[str, str], Callable[[Path], Any]] = {
    ("source", "reasoning-gym"): lambda _: _stream(make("source", families())),
    ("source", "jsonl"): _jsonl,
    ("source", "hub"): _hub,
    ("scorer", "reasoning-gym"): _own_scores,
    ("scorer", "exact-match"): lambda shop: [
        _scores("exact-match")(shop),
        _scores("exact-match", after="A:")(shop),
    ],
    ("scorer", "math-verify"): _scores("math-verify"),
    ("discovery", "gold"): lambda _: make("discovery", component("discovery", "gold")).assign(
        items()
    ),
    ("policy", "allocate"): _policy,
    ("environment", "skill-list"): _skill_list,
    ("teacher", "procedural"): lambda _: [
        item.row()
        for item in islice(
            make("teacher", component("teacher", "procedural", source=families())).source.stream(
                "gcd", 4
            ),
            20,
        )
    ],
    ("engine", "procedural"): lambda _: [
        item.item().row()
        for item in make("engine", engine()).generate(requests(sum=9, gcd=4), Tools(seed=13))
    ],
    ("check", "scorable"): _objections("scorable"),
    ("check", "duplicate"): _objections("duplicate"),
    ("check", "known"): _objections("known"),
    ("check", "overlap"): _objections("overlap", against=["test", "feedback"]),
}

MODELS = ("model", "adapter", "trainer", "backend")
"""Slots whose components make weights or text: torch promises the same bytes on the same machine and versions only."""


@pytest.mark.parametrize("kind", KIND_CASES)
def test_a_stage_kind_makes_the_bytes_of_its_number(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, number = KIND_CASES[kind](Workshop(tmp_path), monkeypatch), KINDS[kind].semantics
    assert GOLDEN.get(("kind", kind, number)) == found, (
        f"the bytes of '{kind}' changed: raise its semantics and enter ('kind', '{kind}', NUMBER): '{found}'"
    )


@pytest.mark.parametrize(("slot", "kind"), COMPONENT_CASES)
def test_a_component_makes_what_its_number_says(slot: str, kind: str, tmp_path: Path) -> None:
    found, number = (
        digest("golden", COMPONENT_CASES[slot, kind](tmp_path))[:16],
        definition(slot, kind).semantics,
    )
    assert GOLDEN.get((slot, kind, number)) == found, (
        f"what '{kind}' makes changed: raise its semantics and enter ('{slot}', '{kind}', NUMBER): '{found}'"
    )


def test_every_kind_and_component_has_golden_bytes() -> None:
    assert set(KIND_CASES) == set(KINDS), "give a new stage kind a case and its golden bytes"
    built_in = {
        (slot, kind)
        for slot, kinds in definitions().items()
        for kind, item in kinds.items()
        if item.distribution is None
    }
    assert set(COMPONENT_CASES) == {
        (slot, kind) for slot, kind in built_in if slot not in MODELS
    }, "give a new component a case and its golden bytes"
    assert all(
        {"torch", "peft", "vllm"} & set(definitions()[slot][kind].packages)
        for slot, kind in built_in
        if slot in MODELS
    )


def test_the_text_of_prompts_is_golden() -> None:
    """A template is part of the key, what is made of it is not: trailing line breaks and blank lines must stay as they are."""
    texts = [
        PromptTemplate(template).render(item)
        for template in (TEMPLATE, "{{ input }}\n", "  {% if true %}\n a\n  {% endif %}\n\n")
        for item in items()[::8]
    ]
    assert digest("golden", texts)[:16] == "f035f8be41606aab"


def test_other_bytes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed of a stream, the order of keys in a file, a rounding: each changes some digest."""
    monkeypatch.setattr(
        "dataenvgym_spec.gym.policies.allocate.share_out",
        lambda weights, amount: dict.fromkeys(weights, amount // len(weights)),
    )
    assert digest("golden", _policy(tmp_path))[:16] not in GOLDEN.values()
    monkeypatch.setattr("dataenvgym_spec.gym.engines.procedural.seed_from", lambda *parts: 1)
    shop = Workshop(tmp_path)
    assert KIND_CASES["generate"](shop, monkeypatch) not in GOLDEN.values()
