"""The proof of no leakage, by mutation: every edge is rewired to what it must not read, and the pass must object.

What is legal is stated here by hand and on its own (`FLOWS`), as what may flow into which slot and what comes out there; the
pass must object to every other rewiring and to none of these.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import yaml

from dataenvgym_spec.compile.passes.leakage import Leak, leakage, roles
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.ir import Graph, Input, Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.schema import experiment_schema
from tests.support.graphs import compiled, parameters, rewired
from tests.support.specs import EXACT, TINY, painted, plain

WHOLE = (
    TINY.replace("train: {length", "train: {adapter: {kind: lora, r: 4}, length")
    .replace(
        "  with-state: {}",
        "  with-state: {skills: {discover: {kind: finding}, label: [selection, test]}, agent: {policy: {kind: choosing}, engine: {kind: watching, teacher: generator}, checks: {known: {}, near-overlap: {}}}}",
    )
    .replace(
        "  no-state: {agent: {observe: nothing}}",
        "  no-state: {agent: {observe: nothing, policy: {kind: dipping}, engine: {kind: dipping, teacher: generator}}}",
    )
    .replace("student:\n", "    pool: {from: problems, draw: {per_group: 60}}\nstudent:\n", 1)
    .replace("  iterations: 2", "  iterations: 2\n  start_from: previous")
    .replace("analysis:", "seeds: {run: [0, 1]}\nanalysis:")
)
"""Everything that has edges of its own: both arms, skills that are found and skills of the source, a policy, an engine and a check that read a student, a policy and an engine
that read the pool, a policy that reads answers to the pool, a check that compares with what splits have drawn, an adapter, a refill."""
STUDENTS = "teachers:\n  me: {kind: student}\n  first: {kind: student, which: base}\n"
GIVEN = "[selection, test]"
ASKING = (
    WHOLE.replace("teachers:\n", STUDENTS)
    .replace(*EXACT)
    .replace("{kind: finding}", "{kind: llm, teacher: me}")
    .replace("{kind: watching, teacher: generator}", "{kind: llm, teacher: me}")
    .replace("{kind: choosing}", "{kind: even}")
    .replace("checks: {known: {}", "checks: {known: {}, verified: {teacher: me}")
    .replace("label: [selection, test]", f"label: {GIVEN}, teacher_may_read: {GIVEN}")
    .replace("run: [0, 1]", "run: 0")
)
"""The same with the student as the teacher of all that can ask one."""
LENT = "  tenth: {agent: {observe: nothing}, data_from: {arm: no-state, fraction: 0.1}}\n"
STOPPING = (
    WHOLE.replace("policy: {kind: choosing}", "policy: {kind: watching}")
    .replace("iterations: 2", "iterations: 3\n  stop: {patience: 1}")
    .replace("run: [0, 1]", "run: 0")
    .replace("seeds:", LENT + "seeds:")
)
"""The same with gates, the students that are passed through after a stop, and a blind arm that is taught another one's data."""
LINKED = (
    WHOLE.replace("  start_from: previous\n", "")
    .replace("{kind: choosing}", "{kind: even}")
    .replace("{kind: watching, teacher", "{kind: procedural, teacher")
    .replace("policy: {kind: dipping}, ", "")
    .replace("{kind: dipping, teacher", "{kind: procedural, teacher")
    .replace("adapter: {kind: lora, r: 4}, ", "")
    .replace(
        "seeds:",
        """\
  yoked: {agent: {observe: {student: {arm: with-state, run: next}}}}
  lent: {data_from: {arm: with-state}, student: {train: {length: {steps: 9}}}}
  mine: {agent: {policy: {kind: outside, name: mine}}}
seeds:""",
    )
)
"""Arms that have something of each other under two run seeds: one whose agent sees another's students, one that is taught another's
data, and one whose policy is a program of the user's."""

REPORTING = (
    TINY.replace(
        "student:\n", "    probes: {other: {from: problems, draw: {items: 5}}}\nstudent:\n", 1
    )
    .replace("  iterations: 2", "  iterations: 3\n  stop: {patience: 1}")
    .replace("analysis:", "test: {evaluate: each}\nanalysis:")
)
"""What is answered for the report alone: another test set, and the sealed test by every student of a loop that can stop."""

AGENT = ("plan", "generate", "check")
GATED = (*AGENT, "train", "evaluate")
TEACHING = {
    ("plan", "state"), ("plan", "results"), ("plan", "answers"), ("plan", "skills"), ("plan", "yield"), ("plan", "student"),
    ("generate", "plan"), ("generate", "yield"), ("generate", "accepted"), ("generate", "student"),
    ("check", "student"), ("check", "candidates"), ("check", "plan"), ("check", "accepted"), ("check", "yield"), ("check", "answers"),
    ("evaluate", "student"), ("evaluate", "candidates"),
}  # fmt: skip
POOL = {("plan", "pool"), ("generate", "pool")}
RUNNING = ("evaluate", "plan", "generate", "check")
READERS = {(kind, "student") for kind in RUNNING}
UNTAUGHT = {(kind, "base") for kind in (*RUNNING, "skills", "assign")}
FLOWS: dict[str, dict[tuple[str, str], str]] = {
    "test": {
        ("evaluate", "items"): "verdict",
        ("label", "items"): "verdict",
        ("reserve", "items"): "hashes",
    },
    # Selecting, naming and stopping may know of selection whatever there is to know: it is what the split is for.
    "selection": {
        ("evaluate", "items"): "score",
        ("label", "items"): "verdict",
        ("reserve", "items"): "hashes",
        ("select", "results"): "score",
        ("evaluate", "choice"): "verdict",
        ("gate", "results"): "bit",
    },
    "score": {
        ("select", "results"): "score",
        ("evaluate", "choice"): "verdict",
        ("gate", "results"): "bit",
    },
    "verdict": {},
    # One bit an iteration, of whatever arm: declared, so that it may reach a blind one. It is said of scores on selection and of
    # nothing else: not of what students answered to feedback or to candidates, though roles alone could not tell these apart.
    "bit": {(kind, "gate"): "nothing" for kind in GATED},
    # What was computed from a student's answers, and in the end the weights of the students that were taught by it.
    "answers": {
        **dict.fromkeys(TEACHING, "answers"),
        ("train", "accepted"): "taught",
        ("train", "previous"): "taught",
        ("select", "results"): "score",
        ("evaluate", "choice"): "verdict",
    },
    "taught": {**dict.fromkeys(READERS, "answers"), ("train", "previous"): "taught"},
    "base": {
        **dict.fromkeys(READERS | UNTAUGHT, "answers"),
        ("skills", "base"): "named",
        ("label", "base"): "verdict",
        **dict.fromkeys([("train", "base"), ("train", "previous")], "taught"),
    },
    # Real items that may be taught: whatever agents and, through examples, students may know, of blind arms too.
    "pool": {
        ("skills", "items"): "pool",
        ("assign", "skills"): "given",
        ("label", "skills"): "verdict",
        **dict.fromkeys(TEACHING | POOL, "given"),
        **dict.fromkeys([("train", "accepted"), ("train", "previous")], "given"),
        ("select", "results"): "given",
        ("evaluate", "choice"): "verdict",
        ("evaluate", "items"): "seen",
    },
    "given": {
        **dict.fromkeys(TEACHING, "given"),
        **dict.fromkeys([("train", "accepted"), ("train", "previous")], "given"),
        ("select", "results"): "given",
        ("gate", "results"): "bit",
        ("evaluate", "choice"): "verdict",
    },
    "hashes": {("check", "reserve"): "nothing"},
    "rejected": {},
    "nothing": {},
}
"""For what flows: the slots it may be plugged into, and as what it goes on from there. `nothing` has ended."""
FLOWS["hidden"] = {
    **dict.fromkeys(TEACHING, "given"),
    **dict.fromkeys([("train", "accepted"), ("train", "previous")], "given"),
    ("select", "results"): "given",
    ("evaluate", "choice"): "verdict",
    ("evaluate", "items"): "seen",
    # Each alone to a skill that was found before, and of the source to a group.
    ("assign", "items"): "given",
    ("skills", "items"): "hidden",
    ("reserve", "items"): "hashes",
}
FLOWS["shown"] = {
    **FLOWS["hidden"],
    # What errors are about, for a teacher that sees; a hidden item is no error that a prompt may show.
    ("plan", "items"): "given",
    ("skills", "items"): "shown",
    ("assign", "skills"): "given",
    ("label", "skills"): "verdict",
}
FLOWS["seen"] = FLOWS["answers"]
# Skills that the untaught student named: items can be assigned to them, and they are its answers. By their roles what it answers to the
# pool is the same.
FLOWS["named"] = {
    **FLOWS["answers"],
    ("assign", "skills"): "answers",
    ("label", "skills"): "verdict",
}
Flowing = Callable[[Graph], dict[str, tuple[str, Stage, str]]]
STUDENT = frozenset({"answers", "taught", "base", "seen", "named"})
"""What no part of an agent that observes nothing may read."""


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return compiled(tmp_path, TINY)


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Policies and engines that are declared to read a student or the pool; a real package of such is in `test_components`."""
    for slot, like in (("policy", "allocate"), ("engine", "procedural")):
        kinds = {"watching": "student", "dipping": "pool", "choosing": "pool-results"}
        for kind, reads in kinds.items():
            item = replace(definitions()[slot][like], kind=kind, reads=reads)
            monkeypatch.setitem(definitions()[slot], kind, item)
    gold = definitions()["discovery"]["gold"]
    monkeypatch.setitem(
        definitions()["discovery"], "finding", replace(gold, kind="finding", skills=None)
    )
    experiment_schema.cache_clear()
    yield
    experiment_schema.cache_clear()


@pytest.fixture
def whole(tmp_path: Path, watching: None) -> Graph:
    return compiled(tmp_path, WHOLE)


@pytest.fixture
def stopping(tmp_path: Path, watching: None) -> Graph:
    return compiled(tmp_path, STOPPING)


def before(graph: Graph, stage: Stage) -> list[Stage]:
    return list(graph.stages[: graph.stages.index(stage)])


def pick(
    graph: Graph, kind: str, what: str, iteration: int | None, arm: str = "with-state"
) -> Stage:
    return next(
        stage
        for stage in graph.stages
        for use in stage.uses
        if stage.kind == kind and use.what == what and use.iteration == iteration and use.arm == arm
    )


class Oracle:
    """Whether a flow is legal by the table above, followed through the whole graph."""

    def __init__(self, graph: Graph) -> None:
        self.readers: dict[str, list[tuple[Stage, str, str]]] = {}
        for stage in graph.stages:
            for item in stage.inputs:
                self.readers.setdefault(item.stage, []).append((stage, item.slot, item.port))
        self.known: dict[tuple[str, str], bool] = {}

    def welcome(self, what: str, stage: Stage, slot: str) -> bool:
        agent = stage.kind in AGENT and stage.plain["observe"] == "nothing"
        taught = slot == "accepted" and any(use.arm in ("no-state", "tenth") for use in stage.uses)
        blind = what in STUDENT and (agent or taught)
        # Skills that are found are found without looking at hidden items.
        unfair = (what, stage.kind) == ("hidden", "skills") and not stage.params.of_source
        return (stage.kind, slot) in FLOWS[what] and not blind and not unfair

    def legal(self, what: str, stage: Stage, slot: str) -> bool:
        if not self.welcome(what, stage, slot):
            return False
        becomes = FLOWS[what][stage.kind, slot]
        if (
            becomes == "answers"
            and stage.kind == "evaluate"
            and "selection" in stage.plain["splits"]
        ):
            becomes = "score"  # whoever was asked, it is how many items of selection were right
        if (stage.id, becomes) not in self.known:
            self.known[stage.id, becomes] = becomes == "nothing" or all(
                self.legal(becomes, reader, into)
                for reader, into, _ in self.readers.get(stage.id, ())
            )
        return self.known[stage.id, becomes]


def sources(graph: Graph) -> dict[str, tuple[str, Stage, str]]:
    """What edges are rewired to: by name, as what it flows, the stage and the port."""
    base = pick(graph, "evaluate", "evaluate on feedback", 0)
    found = pick(graph, "skills", "discover skills", 0)
    asks = any(item.slot == "base" for item in found.inputs)
    return {
        "the test split": ("test", pick(graph, "data", "draw the test split", None), "test"),
        "the selection split": (
            "selection",
            pick(graph, "data", "draw the selection split", None),
            "selection",
        ),
        "the shown part": ("shown", pick(graph, "data", "draw the feedback split", None), "shown"),
        "the hidden part": (
            "hidden",
            pick(graph, "data", "draw the feedback split", None),
            "hidden",
        ),
        "skills that were found": ("named" if asks else "shown", found, "skills"),
        "skills with those of hidden items": (
            "answers" if asks else "hidden",
            pick(graph, "assign", "assign skills", 0),
            "skills",
        ),
        "labels of test": ("verdict", pick(graph, "label", "label the test split", None), "test"),
        "labels of selection": (
            "verdict",
            pick(graph, "label", "label the selection split", None),
            "selection",
        ),
        "the pool": ("pool", pick(graph, "data", "draw the pool split", None), "pool"),
        "results on test": ("verdict", pick(graph, "evaluate", "evaluate on test", 0), "test"),
        "results on selection": (
            "score",
            pick(graph, "evaluate", "evaluate on selection", 0),
            "selection",
        ),
        "predictions on shown": ("answers", base, "shown"),
        "predictions on hidden": ("answers", base, "hidden"),
        "predictions on candidates": (
            "answers",
            pick(graph, "evaluate", "evaluate on candidates", 1),
            "candidates",
        ),
        **{
            f"predictions on the pool of {stage.id[:8]}": ("named", stage, "pool")
            for stage in graph.stages
            if stage.kind == "evaluate" and stage.plain["splits"] == ["pool"]
            if any(use.iteration == 0 for use in stage.uses)
        },
        "the base student": ("base", pick(graph, "student", "make the base student", 0), "student"),
        "a taught student": ("taught", pick(graph, "train", "train", 1), "student"),
        "a blind arm's student": (
            "taught",
            pick(graph, "train", "train", 1, "no-state"),
            "student",
        ),
        "hashes": (
            "hashes",
            pick(graph, "reserve", "reserve what splits may hold", None),
            "hashes",
        ),
        "what a check removed": ("rejected", pick(graph, "check", "check", 1), "rejected"),
        **{
            f"a gate of {arm}": ("bit", stage, "gate")
            for arm in ("with-state", "no-state")
            for stage in gates(graph, arm)
        },
    }


def linking(graph: Graph) -> dict[str, tuple[str, Stage, str]]:
    """What else edges are rewired to in a graph of arms that have something of each other."""
    every = sources(graph)
    plan = pick(graph, "plan", "plan", 1)
    seen = pick(graph, "plan", "plan", 2, "yoked").inputs
    watched = next(one for one in seen if one.slot == "results")
    names = (
        "the test split",
        "the selection split",
        "the hidden part",
        "a taught student",
        "the base student",
    )
    check = pick(graph, "check", "check", 1)
    return {name: every[name] for name in names} | {
        "the examples of an arm that sees its student": ("answers", check, "accepted"),
        "their yield": ("answers", check, "yield"),
        "what its agent remembers": ("answers", plan, "state"),
        "the answers of a student that another arm watches": (
            "answers",
            graph.by_id()[watched.stage],
            watched.port,
        ),
        "what a program of the user's decided": (
            "answers",
            pick(graph, "plan", "plan", 1, "mine"),
            "plan",
        ),
    }


def reported(graph: Graph) -> dict[str, tuple[str, Stage, str]]:
    """What is for the report alone, and the scores that it must not be taken for."""
    probe = pick(graph, "data", "draw the probe other", None)
    on_probe = "evaluate best and last on the probe other"
    names = {
        "the base on another test set": pick(graph, "evaluate", "evaluate on the probe other", 0),
        "best and last on it": pick(graph, "evaluate", on_probe, None),
        "a student on the test": pick(graph, "evaluate", "evaluate iteration 1 on test", None),
        "a later one": pick(graph, "evaluate", "evaluate iteration 3 on test", None),
    }
    verdicts = {name: ("verdict", stage, "test") for name, stage in names.items()}
    drawn = {
        role: pick(graph, "data", f"draw the {role} split", None) for role in ("test", "selection")
    }
    return {
        **{f"the {role} split": (role, stage, role) for role, stage in drawn.items()},
        "the base student": ("base", pick(graph, "student", "make the base student", 0), "student"),
        "another test set": ("test", probe, "test"),
        **verdicts,
    }


def gates(graph: Graph, arm: str) -> list[Stage]:
    return [stage for stage in graph.stages if stage.kind == "gate" and stage.uses[0].arm == arm]


def test_the_compiled_graphs_leak_nothing(graph: Graph, whole: Graph, stopping: Graph) -> None:
    assert leakage(graph) == leakage(whole) == leakage(stopping) == []


def showing(folder: Path) -> Graph:
    """A graph whose prompts show items of the pool."""
    model = folder / "mine"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    (model / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    tree = plain(TINY)
    tree["task"]["splits"]["pool"] = {"from": "problems", "draw": {"per_group": 5}}
    tree["student"]["model"] = {"kind": "path", "path": "mine"}
    tree["student"]["prompt"] |= {"chat": True, "few_shot": {"from": "pool", "count": 2}}
    return compiled(folder, yaml.safe_dump(tree), "showing.yaml")


def test_prompts_show_the_pool_and_nothing_else(tmp_path: Path) -> None:
    graph = showing(tmp_path)
    assert leakage(graph) == []
    ports = {stage.params.role: stage.id for stage in graph.stages if stage.kind == "data"}
    reading = [stage for stage in graph.stages if any(one.slot == "shots" for one in stage.inputs)]
    assert {stage.kind for stage in reading} == {"train", "evaluate"}
    for stage in (reading[0], reading[-1]):
        for role, port in (("test", "test"), ("selection", "selection"), ("feedback", "shown")):
            inputs = [one for one in stage.inputs if one.slot != "shots"]
            shown = Input(slot="shots", stage=ports[role], port=port)
            other = replace(stage, inputs=(*inputs, shown))
            stages = [other if one is stage else one for one in graph.stages]
            assert leakage(replace(graph, stages=tuple(stages)))


def seeing(folder: Path) -> Graph:
    """A graph whose teacher is shown the images of errors."""
    writer = {"kind": "openai", "model": "eyes", "provider": "lab"}
    return compiled(folder, painted(writer, {"show_images": True}), "seeing.yaml")


def test_a_teacher_sees_shown_items_and_no_others(tmp_path: Path) -> None:
    graph = seeing(tmp_path)
    assert leakage(graph) == []
    ports = {stage.params.role: stage.id for stage in graph.stages if stage.kind == "data"}
    (plan,) = (stage for stage in graph.stages if stage.kind == "plan")
    inputs = [one for one in plan.inputs if one.slot != "items"]
    assert len(inputs) == len(plan.inputs) - 1
    for role, port in (("test", "test"), ("selection", "selection"), ("feedback", "hidden")):
        other = Input(slot="items", stage=ports[role], port=port)
        changed = replace(plan, inputs=(*inputs, other))
        stages = [changed if one is plan else one for one in graph.stages]
        assert leakage(replace(graph, stages=tuple(stages)))


def test_these_graphs_have_every_slot_there_is(
    whole: Graph, stopping: Graph, tmp_path: Path
) -> None:
    equal = compiled(tmp_path, TINY.replace("examples: 30,", "examples: 30, equal: true,"))
    asking = compiled(tmp_path, ASKING)
    first = (*whole.stages, *stopping.stages, *asking.stages)
    stages = (*first, *equal.stages, *showing(tmp_path).stages, *seeing(tmp_path).stages)
    there = {(stage.kind, item.slot) for stage in stages for item in stage.inputs}
    assert there == {(kind, slot) for kind, declared in KINDS.items() for slot in declared.slots}


def cause(leak: Leak, source: Stage, stage: Stage) -> bool:
    """Whether a leak leads through an edge: of a slot that needs a role it tells what came without it."""
    needs = leak.reader.declaration.slots[leak.slot].needs
    return ({stage.id} if needs else {source.id, stage.id}) <= {step.id for step in leak.path}


@pytest.mark.parametrize(
    ("text", "flowing"),
    [
        (WHOLE, sources),
        (STOPPING, sources),
        (ASKING, sources),
        (LINKED, linking),
        (REPORTING, reported),
    ],
    ids=[
        "a loop of two for two seeds",
        "a loop of three that can stop",
        "a student as teacher",
        "arms that have something of each other",
        "for the report alone",
    ],
)
def test_every_edge_rewired_is_caught_just_when_it_is_illegal(
    text: str, flowing: Flowing, watching: None, tmp_path: Path
) -> None:
    whole = compiled(tmp_path, text)
    assert leakage(whole) == []
    oracle = Oracle(whole)
    tried: dict[str, list[bool]] = {}
    for name, (what, source, port) in flowing(whole).items():
        for stage in whole.stages:
            for index, item in enumerate(stage.inputs):
                changed = (
                    rewired(whole, stage, index, source, port) if source is not stage else None
                )
                if changed is None:
                    continue  # the source is computed from this stage: no graph has such an edge
                found, legal = leakage(changed), oracle.legal(what, stage, item.slot)
                assert bool(found) is not legal, (
                    name,
                    stage.kind,
                    item.slot,
                    stage.uses[0].label(),
                    [leak.message for leak in found],
                )
                at = [leak for leak in found if cause(leak, source, stage)]
                assert legal or at
                if not oracle.welcome(what, stage, item.slot):  # not only somewhere below it
                    assert any(
                        (leak.reader.id, leak.slot) == (stage.id, item.slot) for leak in at
                    ), (name, stage.kind, item.slot)
                tried.setdefault(name, []).append(legal)
    edges = sum(len(stage.inputs) for stage in whole.stages)
    assert {
        len(tried[name]) for name in ("the test split", "the selection split", "the base student")
    } == {edges}
    # What comes late is computed from most of the graph of its arm.
    assert all(len(legal) > edges / 4 for legal in tried.values())
    never = {"results on test", "what a check removed", "labels of test", "labels of selection"}
    never |= {"the base on another test set", "best and last on it"}
    never |= {"a student on the test", "a later one"}
    assert {name for name, legal in tried.items() if not any(legal)} == never & tried.keys()


def test_a_teacher_reads_no_split_that_the_spec_does_not_name(tmp_path: Path) -> None:
    """Both are labelled, but a teacher may read only one: its items are refused where the other's were."""
    tree = plain(TINY)
    tree["teachers"]["writer"] = {"kind": "openai", "model": "m"}
    tree["skills"] = {
        "discover": {"kind": "llm", "teacher": "writer"},
        "label": ["selection", "test"],
        "teacher_may_read": ["selection", "test"],
    }
    graph = compiled(tmp_path, yaml.safe_dump(tree))
    assert leakage(graph) == []
    labels = {stage.params.split: stage for stage in graph.stages if stage.kind == "label"}
    for split, other in (("selection", "test"), ("test", "selection")):
        params = msgspec.structs.replace(labels[split].params, may_read=(split,))
        alone = replace(labels[split], params=params)
        stages = [alone if stage is labels[split] else stage for stage in graph.stages]
        assert leakage(replace(graph, stages=tuple(stages))) == []
        ((index, _),) = (pair for pair in enumerate(alone.inputs) if pair[1].slot == "items")
        source = pick(graph, "data", f"draw the {other} split", None)
        changed = rewired(replace(graph, stages=tuple(stages)), alone, index, source, other)
        assert changed is not None
        (leak,) = leakage(changed)
        assert (leak.role, leak.slot, leak.reader.kind) == (other, "items", "label")


def test_labels_are_read_by_no_stage(whole: Graph) -> None:
    labels = {stage.id for stage in whole.stages if stage.kind == "label"}
    assert len(labels) == 2
    assert not labels & {item.stage for stage in whole.stages for item in stage.inputs}
    carried = roles(whole)
    for stage in whole.stages:
        if stage.kind == "label":
            split = stage.params.split
            assert {*carried[stage.id, split]} == {split, "shown", "label"}
    assert not any(
        "label" in slot.allows for kind in KINDS.values() for slot in kind.slots.values()
    )


def test_a_leak_is_told_with_its_path(graph: Graph) -> None:
    test, plan = pick(graph, "data", "draw the test split", None), pick(graph, "plan", "plan", 1)
    changed = rewired(graph, plan, 0, test, "test")
    assert changed is not None
    first = leakage(changed)[0]
    assert first.message.startswith("the test split reaches")
    assert first.message.endswith("of plan of arm 'with-state': test -> plan 1")
    assert "test -> plan 1 -> generate 1" in {leak.shown for leak in first.onward}


def test_a_blind_arm_cannot_read_a_seeing_arms_state(graph: Graph) -> None:
    seeing, blind = pick(graph, "plan", "plan", 1), pick(graph, "plan", "plan", 2, "no-state")
    changed = replace(
        blind, inputs=(*blind.inputs, Input(slot="state", stage=seeing.id, port="state"))
    )
    (found,) = leakage(Graph(stages=(*before(graph, blind), changed)))
    assert found.message == (
        "a student's behaviour reaches 'state' of plan of arm 'no-state', which observes nothing: student -> evaluate on feedback -> plan 1 -> plan 2"
    )


@pytest.mark.parametrize("port", ["shown", "hidden"])
def test_a_gate_tells_no_arm_of_a_students_answers_to_feedback(port: str, stopping: Graph) -> None:
    """They carry no role that the scores on selection do not carry: the gate needs one more, selection itself."""
    (gate,) = gates(stopping, "no-state")
    answers, scores = (
        pick(stopping, "evaluate", f"evaluate on {split}", 1) for split in ("feedback", "selection")
    )
    carried = roles(stopping)
    assert {*carried[answers.id, port]} < {*carried[scores.id, "selection"]}
    changed = replace(
        gate, inputs=(*gate.inputs, Input(slot="results", stage=answers.id, port=port))
    )
    found = leakage(
        Graph(stages=tuple(changed if item.id == gate.id else item for item in stopping.stages))
    )
    assert any(
        leak.message.startswith(
            "a student's behaviour reaches 'results' of gate of arm 'no-state': "
        )
        for leak in found
    )
    assert {(leak.reader.id, leak.slot) for leak in found} == {(gate.id, "results")}


def test_what_the_overlap_check_removed_can_reach_no_plan(graph: Graph) -> None:
    check = next(stage for stage in graph.stages if stage.kind == "check")
    plan = [
        stage
        for stage in graph.stages
        if stage.kind == "plan" and stage.uses[0].arm == check.uses[0].arm
    ][-1]
    assert graph.stages.index(plan) > graph.stages.index(check)
    for port, caught in (("rejected", True), ("yield", False)):
        changed = replace(
            plan, inputs=(*plan.inputs, Input(slot="yield", stage=check.id, port=port))
        )
        assert (
            bool(
                leakage(
                    Graph(
                        stages=tuple(
                            changed if item.id == plan.id else item for item in graph.stages
                        )
                    )
                )
            )
            is caught
        )


def test_roles_are_transitive_and_weights_become_behaviour(graph: Graph) -> None:
    carried = roles(graph)
    trained = [
        stage
        for stage in graph.stages
        if stage.kind == "train" and stage.uses[0].arm == "with-state"
    ][-1]
    blind = [
        stage for stage in graph.stages if stage.kind == "train" and stage.uses[0].arm == "no-state"
    ][-1]
    assert {"hidden", "student", "weights"} <= set(carried[trained.id, "student"])
    assert "student" not in carried[blind.id, "student"]
    assert not {"test", "selection"} & set(carried[trained.id, "student"])
    scores = pick(graph, "evaluate", "evaluate on selection", 2, "no-state")
    assert set(carried[scores.id, "selection"]) >= {"student", "selection"}
    assert "weights" not in carried[scores.id, "selection"]


def test_a_declassification_is_declared_nowhere_else() -> None:
    ends = {
        (kind, port, role)
        for kind, it in KINDS.items()
        for port in it.ports(parameters(kind, {}))
        for role in it.drops(parameters(kind, {}), port)
    }
    hashes = {
        ("check", port, role)
        for port in ("accepted", "yield")
        for role in ("#test", "#selection", "#feedback")
    }
    scores = {
        ("gate", "gate", role) for role in ("selection", "shown", "hidden", "student", "pool")
    }
    assert ends == hashes | scores | {
        (kind, port, "bit") for kind in GATED for port in KINDS[kind].ports(parameters(kind, {}))
    }
    assert {
        (kind, slot): it.needs
        for kind, declared in KINDS.items()
        for slot, it in declared.slots.items()
        if it.needs
    } == {("gate", "results"): {"selection"}}
    assert {kind: dict(it.turns) for kind, it in KINDS.items() if it.turns} == {
        **{key: {"weights": "student"} for key in (*RUNNING, "skills", "assign", "label")},
        "reserve": {
            "test": "#test",
            "selection": "#selection",
            "shown": "#feedback",
            "hidden": "#feedback",
        },
    }


# --- blind arms, from the spec --------------------------------------------------------------------------------------------

BLIND = "  no-state: {agent: {observe: nothing"


@pytest.mark.parametrize(
    ("more", "marked", "paths", "remedy"),
    [
        (
            "checks: {known: {action: reject}}",
            "known",
            [
                "student -> evaluate 1 on candidates -> check 1",
                "student -> evaluate 1 on candidates -> check 1 -> generate 1, refill 1",
            ],
            "turn it off in this arm (known: {action: off})",
        ),
        (
            "checks: {known: {action: record}}",
            "known",
            ["student -> evaluate 1 on candidates -> check 1", "-> generate 1, refill 1"],
            "turn it off",
        ),
        (
            "engine: {kind: watching, teacher: generator}",
            "watching",
            ["student -> generate 1", "student -> generate 1 -> check 1"],
            "choose another engine",
        ),
        (
            "policy: {kind: watching}",
            "watching",
            ["student -> plan 1", "student -> plan 1 -> generate 1"],
            "choose another policy",
        ),
        (
            "engine: {kind: llm, teacher: me}",
            "me",
            ["student -> generate 1", "student -> generate 1 -> check 1 -> train 1"],
            "the engine 'llm' asks 'me', which is a student: name another teacher in this arm",
        ),
        (
            "checks: {verified: {teacher: first}}",
            "first",
            ["student -> check 1", "student -> check 1 -> generate 1, refill 1"],
            "the check 'verified' asks 'first', which is a student",
        ),
    ],
)
def test_a_blind_arm_that_reads_a_student_is_told_where_and_how(
    more: str, marked: str, paths: list[str], remedy: str, tmp_path: Path, watching: None
) -> None:
    text = TINY.replace(BLIND, f"{BLIND}, {more}").replace("teachers:\n", STUDENTS)
    text = text.replace(*EXACT)
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, text)
    (found,) = caught.value.diagnostics
    assert found.code == "E301"
    assert found.span is not None
    line = text.split("\n")[found.span.line - 1]
    assert line.startswith(BLIND)
    assert line[found.span.column - 1 : found.span.end_column - 1] == marked
    assert "of arm 'no-state', which observes nothing" in found.message
    said = [found.message, *found.notes]
    assert all(any(text.endswith(path) for text in said) for path in paths), said
    assert remedy in found.help
    place = line.index("nothing") + 1
    assert f"'observe: nothing' is said at spec.yaml:{found.span.line}:{place}" in found.notes


def test_what_an_arm_inherits_is_told_at_its_origin_with_the_chain(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        TINY.replace("overlap: {action: reject}}", "overlap: {action: reject}, known: {}}"),
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, "extends: base.yaml\nname: child\n")
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.span.file, found.span.text.strip().startswith("checks:")) == ("base.yaml", True)
    assert found.notes[0] == "inherited through 'extends' at spec.yaml:1:10"


def test_skills_that_a_student_named_are_no_blind_arms(tmp_path: Path) -> None:
    text = TINY.replace("teachers:\n", STUDENTS).replace("{kind: gold}", "{kind: llm, teacher: me}")
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, text)
    (found,) = caught.value.diagnostics
    assert found.message.startswith(
        "a student's behaviour reaches 'skills' of plan of arm 'no-state', which observes nothing"
    )
    assert found.help.startswith("the discovery 'llm' asks 'me', which is a student")


def test_who_asks_the_base_reads_no_later_student(tmp_path: Path) -> None:
    """What it answers is then made once for all iterations, and of an adapter as well."""
    blind = "  no-state: {agent: {observe: nothing}}\n"
    text = TINY.replace("teachers:\n", STUDENTS).replace(blind, "").partition("analysis:")[0]
    text = text.replace(*EXACT)
    said = "engine: {kind: procedural, teacher: generator, oversample: 2}"
    assert said in text
    for teacher, read in (("first", {"base"}), ("me", {"student"})):
        asking = compiled(
            tmp_path, text.replace(said, f"engine: {{kind: llm, teacher: {teacher}}}")
        )
        made = [stage for stage in asking.stages if stage.kind == "generate"]
        edges = [[item for item in stage.inputs if item.slot in READ] for stage in made]
        assert {item.slot for inputs in edges for item in inputs} == read
        assert len({item.stage for inputs in edges for item in inputs}) == len(read) * (
            1 if teacher == "first" else 2
        )
        assert all(stage.on_device and stage.worker == "heavy" for stage in made)


READ = ("student", "base")


def test_a_check_that_is_off_reads_nobody(tmp_path: Path, graph: Graph) -> None:
    off = compiled(
        tmp_path,
        TINY.replace(
            "overlap: {action: reject}}", "overlap: {action: reject}, known: {action: off}}"
        ),
    )
    assert {stage.id for stage in off.stages} == {stage.id for stage in graph.stages}


def test_every_slot_and_port_of_every_kind_is_declared(whole: Graph) -> None:
    for stage in whole.stages:
        assert {item.slot for item in stage.inputs} <= set(stage.declaration.slots)
        counts = [item.slot for item in stage.inputs]
        assert all(stage.declaration.slots[slot].many or counts.count(slot) == 1 for slot in counts)
        assert all(item.port in whole.by_id()[item.stage].ports for item in stage.inputs)
