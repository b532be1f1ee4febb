"""Options that change no result: no key knows them, and whoever runs a stage is handed them."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.running import announced
from dataenvgym_spec.emit.write import drift, write
from dataenvgym_spec.execute import run
from dataenvgym_spec.execute.circumstances import read_circumstances
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.journaled import around
from dataenvgym_spec.gym import Ask
from dataenvgym_spec.gym.make import Named
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.store.layout import Layout
from tests.support.components import Install
from tests.support.desks import desk
from tests.support.specs import TEMPLATE, tiny
from tests.support.teachers import Scripted

SPEED = {"type": "integer", "default": 4, "description": "Requests.", "x-circumstance": True}
WIT = {"type": "string", "default": "dry", "description": "What it is like."}
TEACHER = {"type": "string", "x-refers": "teacher", "description": "Who is asked."}


@pytest.fixture
def asking(install: Install, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """An engine that holds a teacher with a circumstance, and what that was made with."""
    made: list[dict[str, Any]] = []

    def teacher(**options: Any) -> Scripted:
        made.append(options)
        return Scripted(says=lambda _ask, _sample: "!")

    install("teacher", "witty", properties={"wit": WIT, "speed": SPEED})
    install("engine", "asking", properties={"teacher": TEACHER})
    install("engine", "easel", properties={"teacher": TEACHER, "painter": {"x-slot": "painter"}})
    install("scorer", "caged", properties={"sandbox": {"x-slot": "sandbox"}})
    monkeypatch.setitem(sys.modules, "witty", SimpleNamespace(It=teacher))
    monkeypatch.setitem(sys.modules, "asking", SimpleNamespace(It=dict))
    return made


def spec(name: str, slot: str = "teacher", /, **options: Any) -> str:
    """A spec that uses a component; without a blind arm, in which not each has a place."""
    more: dict[str, Any] = {"arms": {"no-state": None}, "analysis": None}
    if slot == "sandbox":
        return tiny(name=name, task={"score": {"kind": "caged", "sandbox": options}}, **more)
    if slot == "painter":
        # No engine of a task without images holds one.
        engine = {"kind": "easel", "teacher": "generator", "painter": options, "oversample": None}
        return tiny(name=name, agent={"engine": engine}, **more)
    if slot == "policy":
        return tiny(name=name, agent={"policy": {"power": None, "floor": None, **options}}, **more)
    engine = {"kind": "asking", "teacher": "writer", "oversample": None}
    witty = {"kind": "witty", **options}
    return tiny(name=name, teachers={"writer": witty}, agent={"engine": engine}, **more)


def compiled(folder: Path, *texts: str) -> Compiled:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return lower(front_end(paths, root=folder))


def keys(compiled: Compiled) -> list[str]:
    return [stage.id for stage in compiled.graph.stages]


# --- in no key ----------------------------------------------------------------------------------


OTHERS: dict[str, Any] = {"integer": 3, "number": 3.5, "boolean": True, "string": "OTHER"}
OTHERS |= {"address": "https://other.example", "lesser": "allow"}
"""Another value, by type or option."""
MODEL = {"kind": "hub", "id": "maker/small", "revision": "b" * 40}
NEEDED = {"revision": "b" * 40, "path": "prompts"}
CIRCUMSTANCES = [
    (slot, kind, path[0])
    for slot, kinds in definitions().items()
    for kind, item in kinds.items()
    for path in item.marked("x-circumstance")
]


@pytest.mark.parametrize(
    ("slot", "kind", "option"), [*CIRCUMSTANCES, ("teacher", "witty", "speed")]
)
def test_a_circumstance_changes_no_key_and_no_index(
    slot: str, kind: str, option: str, asking: list[Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert slot in ("teacher", "policy", "sandbox", "painter"), (
        "say in `spec` how a component of this slot is used"
    )
    item = definitions()[slot][kind]
    parts = {part.path[0] for part in item.parts}
    words = {**NEEDED, **dict.fromkeys(parts, MODEL)}
    needed = {word: words.get(word, "some") for word in item.schema["required"]}
    value = OTHERS.get(option) or OTHERS[item.schema["properties"][option]["type"]]
    before = compiled(tmp_path, spec("one", slot, kind=kind, **needed))
    after = compiled(tmp_path, spec("one", slot, kind=kind, **needed, **{option: value}))
    assert keys(before) == keys(after)
    (one,), (other,) = before.graph.entries, after.graph.entries
    assert one.index.settings == other.index.settings
    assert not one.circumstances
    assert list(other.circumstances.values()) == [{option: value}]
    if slot == "sandbox" or (slot == "painter" and not item.marked("x-services")):
        return  # it answers nothing
    kept = journal_key(tmp_path, slot, kind, needed)
    assert journal_key(tmp_path, slot, kind, {**needed, option: value}) == kept
    # Nor does what the environment says of an address.
    for name in ("SOME", "OPENAI", "AZURE", "POLICY_SOME"):
        monkeypatch.setenv(f"DATAENVGYM_{name}_URL", "https://other.example")
    assert journal_key(tmp_path, slot, kind, needed) == kept
    assert journal_key(tmp_path, slot, kind, {**needed, "other": 1}) != kept


def journal_key(folder: Path, slot: str, kind: str, options: dict[str, Any]) -> str:
    """What an answer of a component is kept by."""
    described = Named(slot=slot, kind=kind, version=1, options=options, parts={})
    placed = around(desk(folder), lambda _word: [])(described, lambda: SimpleNamespace(line=None))
    journaled = placed if slot == "teacher" else placed.line
    return str(journaled._key(Ask.of("1", "What?"), 0))


def test_another_option_changes_keys(asking: list[Any], tmp_path: Path) -> None:
    before, after = spec("one"), spec("one", wit="wry")
    assert keys(compiled(tmp_path, before)) != keys(compiled(tmp_path, after))


@pytest.mark.parametrize(
    "option", [{**SPEED, "x-circumstance": 1}, {"properties": {"speed": SPEED}}]
)
def test_a_circumstance_is_true_and_no_inner_option(option: dict[str, Any]) -> None:
    data = {"title": "a", "description": "b", "semantics": 1, "properties": {"outer": option}}
    with pytest.raises(ValueError, match="'x-circumstance' of 'outer"):
        declare("teacher", "odd", data, implementation="odd:It")


# --- beside the indexes -------------------------------------------------------------------------


def test_compile_writes_them_and_check_sees_what_differs(asking: list[Any], tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    graph = compiled(tmp_path, spec("one", speed=9)).graph
    write(graph, layout, everything=True)
    path = tmp_path / "experiments" / "circumstances" / "one.json"
    (options,) = json.loads(path.read_text(encoding="utf-8"))["components"].values()
    assert options == {"speed": 9}
    assert drift(graph, layout, everything=True) == []
    path.write_text("{}", encoding="utf-8")
    (found,) = drift(graph, layout, everything=True)
    assert (found.path, found.reason) == ("experiments/circumstances/one.json", "differs")
    idle = compiled(tmp_path, spec("one", speed=4)).graph
    gone = {item.path: item.reason for item in drift(idle, layout, everything=False)}
    # The index names the spec's bytes.
    assert gone == {"experiments/one.json": "differs", found.path: "belongs to no spec"}
    assert write(idle, layout, everything=False) == [layout.index("one"), path]
    assert not path.exists()


def test_a_file_of_an_experiment_that_no_spec_makes_is_removed(
    asking: list[Any], tmp_path: Path
) -> None:
    layout = Layout(root=tmp_path)
    write(compiled(tmp_path, spec("one", speed=9)).graph, layout, everything=True)
    other = compiled(tmp_path, spec("two", speed=9)).graph
    write(other, layout, everything=False)
    assert {path.stem for path in layout.circumstances.iterdir()} == {"one", "two"}
    write(other, layout, everything=True)
    assert {path.stem for path in layout.circumstances.iterdir()} == {"two"}


# --- arrive -------------------------------------------------------------------------------------


@pytest.fixture
def shared(asking: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Two experiments of the same stages, one with another circumstance."""
    layout = Layout(root=tmp_path)
    both = compiled(tmp_path, spec("one", speed=9), spec("two", speed=11))
    write(both.graph, layout, everything=True)

    # Else the one before has paid for what this one asks.
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "journal"))

    def execute(context: Context[Any]) -> None:
        # A teacher is made when it is asked first.
        teacher = context.make(context.params.engine)["teacher"]
        assert [reply.text for reply in teacher.answer([Ask.of("1", "?")])] == ["!"]

    monkeypatch.setattr(run, "executor", lambda _kind: execute)
    return layout


def generated(layout: Layout) -> None:
    """Runs the first stage that makes examples; the stages before it are taken as done."""
    (directory, *_) = sorted(path.name for path in layout.store.glob("generate-*"))
    for read in json.loads((layout.stage(directory) / "stage.json").read_text())["inputs"]:
        (folder,) = layout.store.glob(f"*-{read[1][:16]}")
        (folder / "out" / read[2]).mkdir(parents=True, exist_ok=True)
    run.run_stage(layout, directory)


@pytest.mark.parametrize(("experiment", "speed"), [("one", 9), ("two", 11), ("", 9)])
def test_a_stage_runs_under_those_of_the_experiment_that_runs(
    experiment: str,
    speed: int,
    shared: Layout,
    asking: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if experiment:
        for name, value in announced(experiment).items():
            monkeypatch.setenv(name, value)
    generated(shared)
    assert asking == [{"wit": "dry", "speed": speed}]


def test_without_a_file_the_defaults_hold(shared: Layout, asking: list[Any]) -> None:
    for path in shared.circumstances.iterdir():
        path.unlink()
    generated(shared)
    assert asking == [{"wit": "dry", "speed": 4}]


def test_a_damaged_file_is_told(shared: Layout) -> None:
    (shared.circumstances / "one.json").write_text("[]", encoding="utf-8")
    with pytest.raises(StageError, match=r"'experiments/circumstances/one.json' is damaged"):
        read_circumstances(shared, ["one"])
