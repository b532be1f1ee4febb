"""Estimates: of made-up logs where the truth is known, and of the logs of a real experiment; prices."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.ir import Input, Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.questions.cost.estimate import (
    SLACK,
    Machine,
    Past,
    PastStages,
    estimate,
    spent,
    widening,
)
from dataenvgym_spec.questions.cost.ranges import CostRange, Interval, total
from dataenvgym_spec.questions.cost.size import size, units
from dataenvgym_spec.questions.cost.spending import latest, of_experiment
from dataenvgym_spec.questions.cost.table import SECONDS, TEACHER_TOKENS
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.results.prices import Prices, TokenPrice, read_prices
from dataenvgym_spec.store.layout import Layout
from tests.support.components import Install
from tests.support.graphs import compiled, parameters
from tests.support.repositories import PACKAGE, ROOT, call, new_repo
from tests.support.specs import SMALL, TEMPLATE, TINY, tiny

FREE = Prices()
CPU = Machine()


def step(stage: Stage, action: str = "run") -> PlannedStage:
    return PlannedStage(key=stage.id, kind=stage.kind, action=action, cause="")  # type: ignore[arg-type]


def trainer(key: str, amount: int, *, epochs: float = 2, model: str = "a") -> dict[str, Stage]:
    """A training stage on the examples of one plan, with what it reads."""
    train = {
        "method": "sft",
        "learning_rate": 0.001,
        "dtype": "float32",
        "length": {"epochs": epochs},
        "batch_size": 4,
        "max_length": 64,
    }
    return {
        f"{key}-base": Stage(
            id=f"{key}-base",
            kind="student",
            params=parameters("student", {"model": {"kind": "hub", "id": model}}),
        ),
        f"{key}-plan": Stage(
            id=f"{key}-plan", kind="plan", params=parameters("plan", {"amount": amount})
        ),
        f"{key}-check": Stage(
            id=f"{key}-check",
            kind="check",
            params=parameters("check", {}),
            inputs=(Input(slot="plan", stage=f"{key}-plan", port="plan"),),
        ),
        key: Stage(
            id=key,
            kind="train",
            params=parameters("train", {"train": train}),
            inputs=(
                Input(slot="base", stage=f"{key}-base", port="student"),
                Input(slot="accepted", stage=f"{key}-check", port="accepted"),
            ),
        ),
    }


def log(seconds: float, **more: object) -> Log:
    return Log(**{"started": 0.0, "seconds": {"total": seconds}, "device": "cpu", **more})


def trained(
    sizes: dict[int, float], wanted: int, *, model: str = "a", machine: Machine = CPU
) -> CostRange:
    """What a training on `wanted` examples is estimated to cost, after others that took these seconds."""
    known: dict[str, Stage] = {}
    pasts = []
    for amount, seconds in sizes.items():
        known |= trainer(f"t{amount}", amount)
        pasts.append(
            Past(stage=known[f"t{amount}"], log=log(seconds, tokens={"trained": 20 * amount}))
        )
    new = trainer("new", wanted, model=model)
    (found,) = estimate(
        [step(new["new"])], new, PastStages(pasts=tuple(pasts), known=known), FREE, machine
    )
    return found.cost


def inside(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


@given(
    fixed=st.floats(0, 100),
    each=st.floats(1e-4, 1),
    done=st.lists(st.integers(1, 100_000), min_size=1, max_size=20, unique=True),
    wanted=st.integers(1, 100_000),
)
def test_time_of_a_fixed_part_and_one_in_proportion_is_inside(
    fixed: float, each: float, done: list[int], wanted: int
) -> None:
    cost = trained({amount: fixed + each * amount for amount in done}, wanted)
    assert inside(cost.seconds, fixed + each * wanted)
    assert cost.seconds == cost.training
    assert cost.trained.low <= 20 * wanted * (1 + 1e-9)
    assert cost.trained.high >= min(20 * wanted, 2 * 64 * wanted) * (1 - 1e-9)


def test_more_logs_give_a_narrower_interval() -> None:
    widths = [
        trained({100 + number: 10.0 for number in range(count)}, 100).seconds
        for count in (1, 4, 12)
    ]
    spans = [(found.high - SLACK) / (found.low + SLACK) for found in widths]
    assert spans == sorted(spans, reverse=True)
    assert spans[0] == pytest.approx(9.0)
    assert [widening(count) for count in (1, 4, 100)] == [2.0, 1.5, 1.1]


def test_another_student_or_device_tells_less() -> None:
    like, other = trained({100: 10.0}, 100).seconds, trained({100: 10.0}, 100, model="b").seconds
    assert other.low < like.low < like.high < other.high
    # What took 10 s on a CPU says nothing of a GPU: there the table holds.
    (fixed, each) = SECONDS["train"]
    on_gpu = trained({100: 10.0}, 100, machine=Machine(gpus=2))
    assert on_gpu.seconds == Interval(low=fixed[0] + each[0] * 200, high=fixed[1] + each[1] * 200)
    assert on_gpu.gpu == on_gpu.seconds.times(2)
    assert trained({}, 100).gpu == Interval()


@pytest.mark.parametrize(
    ("options", "seen"), [({}, 360), ({"fraction": 0.1}, 36), ({"fraction": 0.1, "equal_steps": True}, 360)]
)  # fmt: skip
def test_a_training_on_a_part_of_the_examples_sees_a_part(
    options: dict[str, Any], seen: int
) -> None:
    known = trainer("new", 180)
    stage = known["new"]
    params = parameters("train", {**stage.plain, **options})
    assert units(replace(stage, params=params), known) == pytest.approx(seen)


@pytest.mark.parametrize("action", ["reuse", "restore", "pass"])
def test_what_does_not_run_costs_nothing(action: str) -> None:
    new = trainer("new", 10)
    assert not estimate([step(new["new"], action)], new, PastStages(known={}), FREE, CPU)
    (maybe,) = estimate([step(new["new"], "maybe")], new, PastStages(known={}), FREE, CPU)
    assert maybe.cost.seconds.low == 0 < maybe.cost.seconds.high


def test_a_stage_that_passed_through_tells_nothing() -> None:
    known = trainer("old", 10)
    new = trainer("new", 10)
    before = PastStages(pasts=(Past(stage=known["old"], log=log(0.01, passed=True)),), known=known)
    (found,) = estimate([step(new["new"])], new, before, FREE, CPU)
    assert found.basis == "default"


def asked(
    teacher: dict[str, object], tokens: dict[str, int] | None, prices: Prices
) -> tuple[CostRange, CostRange]:
    """The estimate of a generation for 20 examples after one for 10, and what that one has cost."""
    stages = {
        name: Stage(id=name, kind="plan", params=parameters("plan", {"amount": amount}))
        if amount
        else Stage(
            id=name,
            kind="generate",
            params=parameters("generate", {"engine": {"kind": "procedural", "teacher": teacher}}),
            inputs=(Input(slot="plan", stage=plan, port="plan"),),
        )
        for name, amount, plan in (
            ("p1", 10, ""),
            ("p2", 20, ""),
            ("old", 0, "p1"),
            ("new", 0, "p2"),
        )
    }
    past = Past(
        stage=stages["old"],
        log=log(3.0, device=None, tokens=tokens),
    )
    before = PastStages(pasts=(past,) if tokens else (), known=stages)
    (found,) = estimate([step(stages["new"])], stages, before, prices, CPU)
    return found.cost, spent(past, prices)


def test_a_teachers_tokens_have_the_price_of_its_model_or_kind() -> None:
    prices = Prices(
        machine_hour=3.6,
        models={
            "big": TokenPrice(prompt=1.0, generated=10.0),
            "local": TokenPrice(prompt=0.0, generated=0.0),
        },
    )
    cost, paid = asked(
        {"kind": "openai", "model": "big"}, {"prompt": 1_000_000, "generated": 100_000}, prices
    )
    assert paid.usd.low == paid.usd.high == pytest.approx(1.0 + 1.0 + 0.003)
    assert inside(cost.usd, 2 * 2.0)
    assert (cost.prompt.low, cost.generated.high) == (1_000_000, 400_000)
    assert asked(
        {"kind": "local", "model": "small"}, {"prompt": 1_000_000, "generated": 5}, prices
    )[1].usd.high == pytest.approx(0.003)
    assert asked({"kind": "openai", "model": "big"}, None, prices)[0].usd.low > 0  # by the table
    assert asked({"kind": "procedural"}, None, prices)[0].prompt.high == 0


BIG = {"kind": "openai", "model": "big"}
MINI = {"kind": "openai", "model": "mini"}
TEACHERS = {"big": BIG, "mini": MINI}
WRITER = {"kind": "llm", "teacher": "big", "oversample": None}
BY_MODEL = {"kind": "skill-tree", "subskills": {"kind": "llm", "teacher": "mini"}}


def foreseen(folder: Path, kind: str, before: PastStages, **sections: object) -> CostRange:
    """What the first stage of a kind of a blind arm is to cost, where a dollar buys a token."""
    spec = tiny(
        teachers={**TEACHERS, "generator": {"kind": "procedural", "source": "problems"}},
        task={"score": {"kind": "exact-match"}},
        arms={"with-state": None},
        analysis=None,
        **sections,
    )
    graph = compiled(folder, spec)
    stage = next(stage for stage in graph.stages if stage.kind == kind)
    tokens = {name: TokenPrice(prompt=1e6, generated=0.0) for name in ("big", "mini")}
    tokens["mini"] = TokenPrice(prompt=5e5, generated=0.0)
    (found,) = estimate([step(stage)], graph.by_id(), before, Prices(models=tokens), CPU)
    return found.cost


def test_the_questions_of_policies_and_proposers_are_foreseen(tmp_path: Path) -> None:
    """One to decide and one for each of the two skills; who asks nobody costs nothing."""
    decides = {"kind": "llm", "teacher": "big", "power": None, "floor": None}
    drawn = {"kind": "random-moves", "power": None, "floor": None}
    prompt, nothing = TEACHER_TOKENS["prompt"], PastStages(known={})
    for questions, sections in (
        (0, {}),
        (1, {"agent": {"policy": decides}}),
        (2, {"agent": {"policy": drawn, "engine": WRITER}, "environment": BY_MODEL}),
        (3, {"agent": {"policy": decides, "engine": WRITER}, "environment": BY_MODEL}),
    ):
        cost = foreseen(tmp_path, "plan", nothing, **sections)
        assert cost.prompt == Interval(low=questions * prompt[0], high=questions * prompt[1])
        assert (cost.usd.high > 0) == (questions > 0)
    # Of two models nobody knows which reads more: the lowest price, and the highest.
    assert cost.usd == Interval(low=cost.prompt.low / 2, high=cost.prompt.high)


def test_a_plan_that_asked_nobody_tells_nothing_of_one_that_asks(tmp_path: Path) -> None:
    drawn = {"kind": "random-moves", "power": None, "floor": None}
    by_source = {"kind": "skill-tree", "subskills": {"kind": "by-source", "source": "problems"}}
    before = compiled(tmp_path, tiny(agent={"policy": drawn}, environment=by_source))
    plan = next(stage for stage in before.stages if stage.kind == "plan")
    done = PastStages(pasts=(Past(stage=plan, log=log(0.01, device=None)),), known=before.by_id())
    cost = foreseen(
        tmp_path, "plan", done, agent={"policy": drawn, "engine": WRITER}, environment=BY_MODEL
    )
    assert cost.prompt.low > 0


def test_every_answer_that_is_drawn_for_an_example_is_foreseen(tmp_path: Path) -> None:
    solved = {**WRITER, "solver": {"teacher": "mini", "samples": 4}}
    verified = {"checks": {"verified": {"teacher": "mini", "samples": 3}}}
    most, nothing = 30 * TEACHER_TOKENS["generated"][1], PastStages(known={})
    for kind, answers, agent in (
        ("generate", 1, {"engine": WRITER}),
        ("generate", 5, {"engine": solved}),
        ("check", 3, verified),
    ):
        cost = foreseen(tmp_path, kind, nothing, agent=agent)
        assert cost.generated.high == answers * most, kind
    assert foreseen(tmp_path, "check", nothing).generated.high == 0


def test_spent_on_a_gpu() -> None:
    stage = trainer("t", 10)["t"]
    cost = spent(
        Past(stage=stage, log=log(1800.0, device="cuda:0", processes=4)),
        Prices(machine_hour=2, gpu_hour=3),
    )
    assert (cost.gpu.high, cost.usd.low) == (7200.0, 1.0 + 6.0)


def test_a_model_of_a_package_says_what_its_training_looks_at(install: Install) -> None:
    number = {"type": "integer"}
    grow = {"properties": {"turns": number, "each": number}, "x-recipe": [["turns"], ["each"]]}
    model = {"kind": "grown", "semantics": 1, "grow": {"turns": 7, "each": 3}}
    install("model", "grown", properties={"grow": grow})
    params = parameters("student", {"model": model})
    assert units(Stage(id="s", kind="student", params=params), {}) == 21


def test_every_kind_has_a_size_and_a_row_in_the_table(tmp_path: Path) -> None:
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "specs" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    graph = lower(front_end([tmp_path / "specs" / "tiny.yaml"], root=tmp_path)).graph
    known = graph.by_id()
    found = {(stage.kind, units(stage, known)) for stage in graph.stages}
    # 2 families of 6, 4 and 8 items, a quarter of feedback shown; 30 examples an iteration; 6 steps of 16.
    assert {
        ("data", 12.0),
        ("data", 16.0),
        ("evaluate", 8.0),
        ("evaluate", 24.0),
        ("evaluate", 16.0),
        ("train", 96.0),
        ("check", 30.0),
    } <= found
    assert {stage.kind for stage in graph.stages} <= set(SECONDS)
    assert all(size(stage, known) >= 1 for stage in graph.stages)
    sealed = next(
        stage for stage in graph.stages if any(read.slot == "choice" for read in stage.inputs)
    )
    assert size(sealed, known) == 24 * 5
    (found_cost,) = estimate([step(sealed)], known, PastStages(known={}), FREE, CPU)
    assert found_cost.cost.generated.high == 24 * 5


# --- prices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("machine_hour: -1\n", [("E106", 1)]),
        ("machine_hour: cheap\ngpu_our: 1\n", [("E103", 1), ("E102", 2)]),
        ("models:\n  big: {prompt: 1}\n", [("E104", 2)]),
        ("images:\n  big: -1\n  other: {low: dear}\n", [("E106", 2), ("E103", 3)]),
        ("- 1\n", [("E103", 1)]),
        ("a: [\n", [("E002", 2)]),
    ],
)
def test_a_wrong_price_table_is_told_with_its_place(
    text: str, places: list[tuple[str, int]], tmp_path: Path
) -> None:
    (tmp_path / "prices.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_prices(tmp_path)
    assert [
        (found.code, found.span.line if found.span else 0) for found in caught.value.diagnostics
    ] == places
    assert all(
        found.span and found.span.file == "prices.yaml" for found in caught.value.diagnostics
    )


def test_prices_are_read_and_may_be_missing(tmp_path: Path) -> None:
    assert read_prices(tmp_path) == Prices()
    assert read_prices(ROOT) == Prices()  # the table that is shipped asks for nothing
    (tmp_path / "prices.yaml").write_text(
        "machine_hour: 0.5\nmodels: {big: {prompt: 2.5, generated: 10}}\n"
        "images: {brush: 0.5, pen: {low: 0.1}}\n",
        encoding="utf-8",
    )
    assert read_prices(tmp_path) == Prices(
        machine_hour=0.5,
        models={"big": TokenPrice(prompt=2.5, generated=10)},
        images={"brush": 0.5, "pen": {"low": 0.1}},
    )


# --- real logs --------------------------------------------------------------------------------------------------------


def test_a_plan_tells_what_it_costs(repo: Path) -> None:
    (repo / "prices.yaml").write_text("machine_hour: 36\n", encoding="utf-8")
    said = call("dataenvgym", "plan", "tiny", cwd=repo).stdout
    table = said.partition(
        "estimated cost, low to high (no like stage was run here yet, so wide):\n"
    )[2]
    assert [line.split("  ")[2].strip() for line in table.splitlines()[:2]] == [
        "examples",
        "prompt tokens",
    ]
    content = json.loads(call("dataenvgym", "plan", "tiny", "--json", cwd=repo).stdout)
    ahead = content["costs"]["tiny"]["ahead"]
    for name in ("usd", "seconds", "training_seconds", "generation_seconds", "examples"):
        ends = [
            sum(row["cost"][name][end] for row in content["stages"] if row["cost"])
            for end in (0, 1)
        ]
        assert ends == pytest.approx(ahead[name], rel=1e-3)
    assert ahead["usd"] == pytest.approx([seconds / 100 for seconds in ahead["seconds"]], rel=1e-3)
    assert ahead["examples"] == [60, 120]


def test_one_arm_foretells_the_other(finished: Path) -> None:
    """The logs of one arm of a real experiment give intervals that hold what the other arm really cost."""
    layout = Layout(root=finished)
    done = of_experiment(layout, "tiny")
    index = json.loads(layout.index("tiny").read_text(encoding="utf-8"))
    arms = {row["key"]: {use["arm"] for use in row["uses"]} for row in index["stages"]}
    for other in ("no-state", "with-state"):
        before = replace(
            done, pasts=tuple(past for past in done.pasts if other not in arms[past.stage.id])
        )
        ahead = [past for past in done.pasts if arms[past.stage.id] == {other}]
        kinds = {past.stage.kind for past in before.pasts}
        ahead = [past for past in ahead if past.stage.kind in kinds]
        assert len(ahead) > 10
        estimates = estimate([step(past.stage) for past in ahead], done.known, before, FREE, CPU)
        assert {found.basis.partition(" of ")[2] for found in estimates} == {"like stages"}
        low_high, real = (
            total(found.cost for found in estimates),
            total(spent(past, FREE) for past in ahead),
        )
        for name in (
            "seconds",
            "training",
            "generation",
            "prompt",
            "generated",
            "trained",
            "examples",
        ):
            assert inside(getattr(low_high, name), getattr(real, name).low), (name, low_high, real)
        assert low_high.training.high < 20 * max(1.0, real.training.low)  # wide, but of use


def test_damaged_and_foreign_logs_are_left_out(finished: Path, tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for name, text in {
        "stage-json": '{"kind": "train"',
        "other-version": json.dumps(
            {"kind": "train", "semantics": -1, "params": {}, "inputs": [], "key": "k", "reads": {}}
        ),
        "no-kind": json.dumps(
            {"kind": "none", "semantics": 1, "params": {}, "inputs": [], "key": "k", "reads": {}}
        ),
    }.items():
        folder = layout.stage(f"train-{name}") / "log"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text('{"seconds": {"total": 1}}', encoding="utf-8")
        (folder.parent / "stage.json").write_text(text, encoding="utf-8")
    assert latest(layout, {"train"}) == PastStages(known={})
    assert len(latest(Layout(root=finished), {"train", "student"}).pasts) == 5
    assert of_experiment(layout, "none") == PastStages(known={})
    assert set(KINDS) >= {
        past.stage.kind for past in latest(Layout(root=finished), set(KINDS)).pasts
    }


ENGINE = '''
"""An engine that asks a model: it counts the tokens."""

from dataenvgym_spec.gym.engines.procedural import ProceduralEngine


class Counted(ProceduralEngine):
    def __init__(self, *, teacher, oversample):
        super().__init__(teacher=teacher, oversample=oversample, corrupt=0.0)
        self.tokens = {"prompt": 0, "generated": 0}

    def generate(self, requests, tools):
        for item in super().generate(requests, tools):
            self.tokens["prompt"] += 100
            self.tokens["generated"] += 7
            yield item
'''


def test_an_engines_tokens_are_recorded_and_reckoned_with(tmp_path: Path) -> None:
    """A package's engine that counts tokens, run for real: its stages pay the price, and the next plan knows it."""
    site = tmp_path / "site"
    (site / "counted-1.dist-info").mkdir(parents=True)
    (site / "counted_engine").mkdir()
    (site / "counted-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: counted\nVersion: 1\n", encoding="utf-8"
    )
    (site / "counted-1.dist-info" / "entry_points.txt").write_text(
        "[dataenvgym_spec.components]\nengine.counted = counted_engine.counted:Counted\n",
        encoding="utf-8",
    )
    (site / "counted_engine" / "__init__.py").write_text("", encoding="utf-8")
    (site / "counted_engine" / "counted.py").write_text(ENGINE, encoding="utf-8")
    options = json.loads(
        (PACKAGE / "gym" / "engines" / "procedural.json").read_text(encoding="utf-8")
    )
    del options["properties"]["corrupt"]
    (site / "counted_engine" / "counted.json").write_text(
        json.dumps({**options, "title": "Counted"}), encoding="utf-8"
    )
    path = os.pathsep.join([str(site), str(ROOT)])
    spec = TINY.replace("engine: {kind: procedural,", "engine: {kind: counted,").replace(
        "refill: 1", "refill: 0"
    )
    repo = new_repo(tmp_path / "repo", spec)
    (repo / "prices.yaml").write_text(
        "models: {procedural: {prompt: 1000, generated: 0}}\n", encoding="utf-8"
    )

    def run(*command: str) -> str:
        return call(*command, cwd=repo, PYTHONPATH=path).stdout

    run("dataenvgym", "compile")
    rows = json.loads(run("dataenvgym", "plan", "tiny", "--json"))["stages"]
    assert all(
        row["cost"]["prompt_tokens"] == [0, 0] for row in rows if row["kind"] == "generate"
    )  # a procedural teacher asks nobody
    (directory,) = [
        row["directory"] for row in rows if row["label"] == "no-state, iteration 1/2, generate"
    ]
    run("dvc", "repro", "-q", f"store/{directory}/dvc.yaml")
    assert json.loads(
        (repo / "store" / directory / "log" / "run.json").read_text(encoding="utf-8")
    )["tokens"] == {"prompt": 6000, "generated": 420}
    content = json.loads(run("dataenvgym", "plan", "tiny", "--json"))
    assert content["costs"]["tiny"]["spent"]["usd"] == [6.0, 6.0]
    generated = [
        row["cost"] for row in content["stages"] if row["kind"] == "generate" and row["cost"]
    ]
    assert [cost["usd"] for cost in generated] == [[3.0, 12.0]] * 3
    assert {cost["basis"] for cost in generated} == {"1 log of like stages"}


@pytest.mark.slow
def test_a_second_experiment_costs_what_the_first_foretold(tmp_path: Path) -> None:
    """More examples and iterations, run for real right after the first: every total lies inside the interval that the plan told."""
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "run", "tiny", cwd=repo)
    spec = repo / "specs" / "tiny.yaml"
    spec.write_text(
        SMALL.replace("examples: 30", "examples: 40").replace("iterations: 1", "iterations: 2"),
        encoding="utf-8",
    )
    plan = json.loads(call("dataenvgym", "plan", "tiny", "--json", cwd=repo).stdout)
    keys = {row["key"] for row in plan["stages"] if row["action"] == "run"}
    call("dataenvgym", "run", "tiny", cwd=repo)
    done = of_experiment(Layout(root=repo), "tiny")
    real = total(spent(past, FREE) for past in done.pasts if past.stage.id in keys)
    ahead = plan["costs"]["tiny"]["ahead"]
    names = {
        "seconds": "seconds",
        "training_seconds": "training",
        "generation_seconds": "generation",
        "examples": "examples",
        "generated_tokens": "generated",
    }
    told = {
        name: (ahead[name], getattr(real, field).low)
        for name, field in {**names, "prompt_tokens": "prompt", "trained_tokens": "trained"}.items()
    }
    assert {
        name: row for name, row in told.items() if not row[0][0] <= row[1] <= row[0][1]
    } == {}, told
