"""Labels of selection and test: stages of their own, that only the entry reads, where a teacher reads what the spec says."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.passes.leakage import roles
from dataenvgym_spec.emit.entry import entry
from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import tiny

CLUSTERS = {"kind": "clusters", "count": 2}
WRITER = {"writer": {"kind": "openai", "model": "m"}}
ASKING = {"kind": "llm", "teacher": "writer"}


def labels(graph: Graph) -> dict[str, Stage]:
    return {stage.params.split: stage for stage in graph.stages if stage.kind == "label"}


def skills(discover: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"skills": {"discover": discover, **more}}


def test_each_split_has_a_stage_of_its_own_that_only_the_entry_reads(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(**skills(CLUSTERS, label=["test", "selection"])))
    made = labels(graph)
    assert {*made} == {"selection", "test"}
    stages = graph.by_id()
    for split, stage in made.items():
        read = [(item.slot, stages[item.stage].kind, item.port) for item in stage.inputs]
        assert read == [("skills", "skills", "skills"), ("items", "data", split)]
        assert stage.params.may_read is None
    everything = [item.stage for stage in graph.stages for item in stage.inputs]
    assert not {stage.id for stage in made.values()} & {*everything}
    (item,) = graph.entries
    deps = entry(item, graph)["deps"]
    assert {f"store/{stage.directory}/out/{split}" for split, stage in made.items()} <= {*deps}


def test_nothing_else_changes_its_key(tmp_path: Path) -> None:
    plain = compiled(tmp_path, tiny(**skills(CLUSTERS)))
    graph = compiled(tmp_path, tiny(**skills(CLUSTERS, label=["test"])))
    assert keys(plain) < keys(graph)
    assert keys(graph) - keys(plain) == {stage.id for stage in labels(graph).values()}


def test_skills_of_the_source_need_no_stage(tmp_path: Path) -> None:
    plain = compiled(tmp_path, tiny())
    assert keys(compiled(tmp_path, tiny(skills={"label": ["selection", "test"]}))) == keys(plain)


def test_an_environment_without_skills_has_labels_and_no_plan_that_reads_them(
    tmp_path: Path,
) -> None:
    agent = {"policy": {"kind": "fixed-prompt", "power": None, "floor": None}}
    section = {**skills(CLUSTERS, label=["test"]), "environment": "open-ended", "agent": agent}
    kinds = [stage.kind for stage in compiled(tmp_path, tiny(**section)).stages]
    assert (kinds.count("skills"), kinds.count("assign"), kinds.count("label")) == (1, 0, 1)


def test_a_teacher_that_may_read_is_in_the_key(tmp_path: Path) -> None:
    made = []
    for readable in (["test"], ["selection", "test"]):
        section = skills(ASKING, label=["test"], teacher_may_read=readable)
        made.append(labels(compiled(tmp_path, tiny(teachers=WRITER, **section)))["test"])
    assert [stage.params.may_read for stage in made] == [("test",), ("selection", "test")]
    assert [{*stage.params.refused} for stage in made] == [{"selection"}, set()]
    assert made[0].id != made[1].id
    again = [type(stage.params).parse(stage.plain) for stage in made]
    assert [params.plain for params in again] == [stage.plain for stage in made]


POOL = {"task": {"splits": {"pool": {"from": "problems", "draw": {"per_group": 4}}}}}


def test_skills_are_made_of_the_pool_where_the_spec_says_so(tmp_path: Path) -> None:
    shown = compiled(tmp_path, tiny(**POOL, **skills(CLUSTERS, label=["test"])))
    section = skills(CLUSTERS, label=["test"], **{"from": "pool"})
    graph = compiled(tmp_path, tiny(**POOL, **section))
    stages = graph.by_id()
    (found,) = (stage for stage in graph.stages if stage.kind == "skills")
    assert [(stages[item.stage].kind, item.port) for item in found.inputs] == [("data", "pool")]
    # What follows reads these skills, and no longer the roles of shown items through them.
    carried = roles(graph)
    assert {*carried[found.id, "skills"]} == {"pool"}
    assert {*carried[labels(graph)["test"].id, "test"]} == {"pool", "test", "label"}
    (assigned,) = (stage for stage in graph.stages if stage.kind == "assign")
    assert {*carried[assigned.id, "skills"]} == {"pool", "shown", "hidden"}
    assert found.id not in keys(shown)
    said = skills(CLUSTERS, label=["test"], **{"from": "shown"})
    assert keys(compiled(tmp_path, tiny(**POOL, **said))) == keys(shown)


@pytest.mark.parametrize(
    ("pool", "discover", "said"),
    [
        ({}, CLUSTERS, "skills are to be made of the pool, but 'task.splits' has none"),
        (POOL, {"kind": "gold"}, "the skills of 'gold' are what the source says"),
        (POOL, {"kind": "clusters", "count": 8}, "8 skills cannot be made of 8 items of the pool"),
    ],
)
def test_a_pool_that_skills_cannot_be_made_of(
    pool: dict[str, Any], discover: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (found,) = findings(tmp_path, tiny(**pool, **skills(discover, **{"from": "pool"})))
    assert found.code == "E204" and found.message.startswith(said) and found.span is not None


@pytest.mark.parametrize("readable", [None, ["selection"]])
def test_a_teacher_reads_a_split_only_where_the_spec_says_so(
    readable: list[str] | None, tmp_path: Path
) -> None:
    more = {} if readable is None else {"teacher_may_read": readable}
    section = skills(ASKING, label=["selection", "test"], **more)
    found = findings(tmp_path, tiny(teachers=WRITER, **section))
    assert {item.code for item in found} == {"E301"} and all(item.span for item in found)
    said = [item.message.partition("questions of the ")[2] for item in found]
    refused = ["test split"] if readable else ["selection split", "test split"]
    assert said == [f"{split} to the teacher 'writer'" for split in refused]
    wanted = ", ".join([*(readable or []), refused[-1].split()[0]])
    assert f"teacher_may_read: [{wanted}]" in found[-1].help


def test_a_source_that_names_no_groups_cannot_be_labelled_by_them(
    tmp_path: Path,
) -> None:
    rows = tmp_path / "items.jsonl"
    rows.write_text("".join(f'{{"q": "{n} + 1 =", "a": "{n + 1}"}}\n' for n in range(200)))
    listed = {"kind": "jsonl", "path": "items.jsonl", "fields": {"input": "q", "target": "a"}}
    drawn = {"from": "listed", "draw": {"items": 10, "per_group": None}}
    splits = {"feedback": drawn}
    agent = {"policy": {"kind": "fixed-prompt", "power": None, "floor": None}}
    text = tiny(
        task={"sources": {"listed": listed}, "splits": splits},
        environment="open-ended",
        agent=agent,
        skills={"label": ["test"]},
    )
    (found,) = findings(tmp_path, text)
    assert found.code == "E204" and found.message.startswith("'skills.label' needs skills")
