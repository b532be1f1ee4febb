"""The plan as a pure function of a graph and of what lies where; `test_plan_agrees` holds it against DVC."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.emit.stages import COMMAND, stage_json
from dataenvgym_spec.graph import component
from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.questions.plan import PlannedStage, plan
from dataenvgym_spec.store.dvc.state import StageLock
from tests.support.graphs import named, parameters


@dataclass
class Fake:
    """A world in which every result of a lock is in the cache and the workspace, except those that are lost."""

    locks: dict[str, StageLock] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    contents: dict[str, Any] = field(default_factory=dict)
    here: bool = True
    pulls: bool = False

    def lock(self, folder: str, stage: str) -> StageLock | None:
        return self.locks.get(folder)

    def hash_of(self, path: str) -> str | None:
        folder, _, rest = path.partition("/out/") if "/out/" in path else path.partition("/log")
        name = f"out/{rest}" if "/out/" in path else "log"
        return self.locks[folder].outs[name] if folder in self.locks else None

    def expect(self, digests: Iterable[str]) -> None: ...

    def cached(self, digest: str) -> bool:
        return digest not in self.lost

    def objects(self, digest: str) -> frozenset[str]:
        return frozenset({digest})

    def missing(self, digest: str) -> frozenset[str]:
        return frozenset({digest} & self.lost)

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> StageLock | None:
        return None

    def runs(self, dependency: str) -> Sequence[StageLock]:
        return ()

    def content(self, digest: str, name: str) -> Any:
        return self.contents.get(digest)

    def made_here(self, log: str) -> bool:
        return self.here

    def adoptable(self, stage: Stage) -> bool:
        return False

    def earlier(self, stage: Stage, uses: Sequence[Use]) -> dict[str, Any] | None:
        return None


def stage(
    number: int, kind: str, params: dict[str, Any], *inputs: tuple[str, int, str, str]
) -> Stage:
    """A stage whose key is its number; inputs are slot, number, kind and port."""
    reads = tuple(
        Input(slot=slot, stage=key(other, kind), port=port) for slot, other, kind, port in inputs
    )
    use = Use(experiment="e", arm="a", seed=0, iteration=number, iterations=9, what=kind)
    return Stage(
        id=key(number, kind),
        kind=kind,
        params=parameters(kind, params),
        inputs=reads,
        uses=(use,),
    )


def key(number: int, kind: str) -> str:
    return f"{number:016d}"


def recorded(graph: Graph, *numbers: int) -> Fake:
    """A world in which these stages were made."""
    world, known = Fake(), graph.by_id()
    for item in graph.stages:
        if int(item.id) in numbers:
            deps = {"stage.json": md5_text(stage_json(item, known))}
            deps |= {
                f"../{known[read.stage].directory}/out/{read.port}": f"{known[read.stage].directory}/out/{read.port}"
                for read in item.inputs
            }
            outs = {
                path: f"{item.directory}/{path}"
                for path in ("log", *(f"out/{port}" for port in item.ports))
            }
            world.locks[f"store/{item.directory}"] = StageLock(
                cmd=COMMAND.format(up="../../", rest="stage"), deps=deps, outs=outs
            )
    return world


SKILLS = stage(1, "skills", {"discover": {"kind": "gold"}})
PROCEDURAL = {"engine": {"kind": "procedural", "teacher": {"kind": "procedural"}}}


def chain(engine: dict[str, Any] = PROCEDURAL) -> Graph:
    """Plan, generate, check, train."""
    stages = (
        SKILLS,
        stage(2, "plan", {"policy": {"kind": "allocate"}}, ("skills", 1, "skills", "skills")),
        stage(3, "generate", engine, ("plan", 2, "plan", "plan")),
        stage(
            4, "check", {}, ("candidates", 3, "generate", "candidates"), ("plan", 2, "plan", "plan")
        ),
        stage(5, "train", {}, ("accepted", 4, "check", "accepted")),
        stage(6, "select", {}, ("results", 5, "train", "student")),
    )
    return Graph(
        stages=stages,
        entries=(Entry(name="e", stages=tuple(item.id for item in stages), index=named("e")),),
    )


def actions(graph: Graph, world: Fake) -> list[str]:
    return [step.action for step in steps(graph, world)][:-1]


def steps(graph: Graph, world: Fake) -> tuple[PlannedStage, ...]:
    return plan(graph, graph.entries[0], world)


def lose(world: Fake, directory: str) -> None:
    world.lost |= set(world.locks[f"store/{directory}"].outs.values())


def test_nothing_made_runs_and_everything_made_is_reused() -> None:
    assert actions(chain(), recorded(chain())) == ["run"] * 6
    assert actions(chain(), recorded(chain(), 1, 2, 3, 4, 5, 6)) == ["reuse"] * 6


def test_what_promises_the_same_bytes_anywhere_leaves_what_is_below_it_alone() -> None:
    world = recorded(chain(), 1, 2, 3, 4, 5, 6)
    lose(world, chain().stages[2].directory)
    assert actions(chain(), world) == ["reuse", "reuse", "run", "reuse", "reuse", "reuse"]
    assert steps(chain(), world)[-1].action == "run", (
        "the report reads the log, which tells the time"
    )


def test_below_a_teacher_that_promises_nothing_it_is_maybe(monkeypatch: pytest.MonkeyPatch) -> None:
    known = component.definition
    monkeypatch.setattr(
        component,
        "definition",
        lambda slot, kind: dataclasses.replace(known(slot, kind), promise=None),
    )
    world = recorded(chain(), 1, 2, 3, 4, 5, 6)
    lose(world, chain().stages[2].directory)
    assert actions(chain(), world) == ["reuse", "reuse", "run", "maybe", "maybe", "maybe"]


def test_a_student_comes_out_the_same_on_the_machine_it_was_trained_on() -> None:
    world = recorded(chain(), 1, 2, 3, 4, 5, 6)
    lose(world, chain().stages[4].directory)
    assert actions(chain(), world)[4:] == ["run", "reuse"]
    world.here = False
    assert actions(chain(), world)[4:] == ["run", "maybe"]


def test_without_a_record_the_readers_know_what_it_was_if_it_cannot_have_been_otherwise() -> None:
    world = recorded(chain(), 1, 2, 4, 5, 6)
    assert actions(chain(), world) == ["reuse", "reuse", "run", "reuse", "reuse", "reuse"]
    world = recorded(chain(), 1, 2, 3, 4, 6)
    assert actions(chain(), world)[4:] == ["run", "maybe"]


def test_a_lost_result_comes_back_if_a_stage_above_makes_the_same() -> None:
    world = recorded(chain(), 1, 2, 3, 4, 5, 6)
    for number in (2, 3):
        lock = world.locks[f"store/{chain().stages[number].directory}"]
        for path in lock.outs:
            lock.outs[path] = "the same"
        for below in world.locks.values():
            below.deps.update(
                {
                    path: "the same"
                    for path in below.deps
                    if chain().stages[number].directory in path
                }
            )
    world.lost = {"the same"}
    assert actions(chain(), world) == ["reuse", "reuse", "run", "reuse", "reuse", "reuse"]


def test_promises_are_those_of_the_components() -> None:
    assert promise(chain().stages[2]) == "anywhere"
    assert promise(chain().stages[4]) == "same-machine"
    assert KINDS["generate"].promise == "none"


# --- gates ----------------------------------------------------------------------------------------------------------------


def gated() -> Graph:
    """A stage that decides, and a training that reads it through a slot named `gate`."""
    stages = (
        stage(1, "select", {}),
        stage(2, "train", {}, ("gate", 1, "select", "choice")),
        stage(3, "select", {}, ("results", 2, "train", "student")),
    )
    return Graph(
        stages=stages,
        entries=(Entry(name="e", stages=tuple(item.id for item in stages), index=named("e")),),
    )


@pytest.mark.parametrize(("said", "action"), [({"stop": True}, "pass"), ({"stop": False}, "run")])
def test_a_gate_that_has_spoken_decides(said: dict[str, bool], action: str) -> None:
    world = recorded(gated(), 1)
    world.contents[f"{gated().stages[0].directory}/out/choice"] = said
    found = steps(gated(), world)
    assert [step.action for step in found] == ["reuse", action, "run", "run"]
    assert found[1].cause == (
        "'a, iteration 1/9, select' says stop: the last student is passed through, at no cost"
        if said["stop"]
        else "its result was never made here"
    )


def test_after_a_gate_that_must_still_run_it_is_maybe() -> None:
    found = steps(gated(), recorded(gated()))
    assert [step.action for step in found][:2] == ["run", "maybe"]
    assert "decides" in found[1].cause


def test_what_was_made_is_reused_whatever_the_gate_says() -> None:
    world = recorded(gated(), 1, 2, 3)
    world.contents[f"{gated().stages[0].directory}/out/choice"] = {"stop": True}
    assert actions(gated(), world) == ["reuse", "reuse", "reuse"]


def test_a_plan_writes_nothing(repo: Path) -> None:
    from tests.support.repositories import call

    before = sorted(path for path in repo.rglob("*"))
    call("dataenvgym", "plan", cwd=repo)
    assert sorted(path for path in repo.rglob("*")) == before
