"""The committed form of the shipped specs, and golden bytes of what pure Python makes."""

from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.contents import MADE
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.emit.stages import stage_files
from dataenvgym_spec.emit.write import drift
from dataenvgym_spec.execute.stages.data import draw
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.store.layout import IGNORED, Layout
from tests.support.repositories import ROOT


def test_the_committed_pipeline_is_what_the_specs_say() -> None:
    layout = Layout(root=ROOT)
    compiled = lower(front_end(layout.specs(), root=ROOT))
    assert drift(compiled.graph, layout, everything=True) == []
    folders = {path.name for path in layout.store.iterdir() if (path / "stage.json").is_file()}
    assert {stage.directory for stage in compiled.graph.stages} <= folders


def test_what_is_emitted_names_no_place_on_this_machine() -> None:
    for path in [
        ROOT / "dvc.yaml",
        *ROOT.glob("store/*/*.json"),
        *ROOT.glob("store/*/dvc.yaml"),
        *ROOT.glob("experiments/*.json"),
    ]:
        assert str(Path.home()) not in path.read_text(encoding="utf-8")
        assert str(ROOT) not in path.read_text(encoding="utf-8")


def test_every_stage_has_one_shape_of_command() -> None:
    commands = {
        next(iter(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].values()))["cmd"]
        for path in ROOT.glob("store/*/dvc.yaml")
    }
    assert commands == {'exec env PATH="$PATH:../../.venv/bin" dataenvgym stage'}


def test_results_are_kept_out_of_git() -> None:
    assert set(IGNORED) <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())


def test_no_spec_names_a_file_of_the_folders_that_experiments_write_to() -> None:
    folders = {line.split("/")[1] for line in IGNORED if line.count("/") > 1}
    layout = Layout(root=Path("/repo"))
    folders |= {path.parts[2] for path in (layout.store, layout.private, layout.report("mine"))}
    assert folders == MADE


def test_distinct_items_of_the_quickstart_have_distinct_prompts() -> None:
    (spec,) = front_end([ROOT / "specs" / "quickstart.yaml"], root=ROOT)
    source = ReasoningGym(families=spec.base.task.sources["problems"]["families"])
    prompt = PromptTemplate(spec.base.student.prompt.template)
    items = draw(source, Draw(per_group=150), role="test", lane=(0.0, 0.5), seed=0)
    assert len({prompt.render(item) for item in items}) == len({item.id for item in items}) == 900
    assert max(len(prompt.render(item)) for item in items) < 24


GOLDEN = {
    # Other bytes without a raised `semantics` number would give old results a new meaning.
    # The number is that of the source: what is drawn is its.
    ("data", 3): "f17f7811c98056aa",
    ("generate", 3): "e083241d6920527c",
}


@pytest.mark.parametrize("kind", ["data", "generate"])
def test_golden_bytes(kind: str) -> None:
    families = {
        "sum": {
            "dataset": "chain_sum",
            "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 2},
        },
        "gcd": {"dataset": "gcd", "config": {"min_numbers": 2, "max_numbers": 2, "max_value": 60}},
    }
    if kind == "data":
        rows = [
            item.row()
            for item in draw(
                ReasoningGym(families=families),
                Draw(per_group=5),
                role="test",
                lane=(0.0, 0.1),
                seed=3,
            )
        ]
    else:
        from dataenvgym_spec.gym.engines.procedural import ProceduralEngine
        from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher as Teacher
        from dataenvgym_spec.gym.tools import Tools
        from dataenvgym_spec.records.plans import Request

        teacher = Teacher(source=ReasoningGym(families=families))
        engine = ProceduralEngine(teacher=teacher, oversample=1.0, corrupt=0.3)
        asked = [Request(id=skill, count=5, skill=skill) for skill in ("sum", "gcd")]
        rows = [item.item().row() for item in engine.generate(asked, Tools(seed=7))]
    assert (
        digest("golden", rows)[:16] == GOLDEN[kind, definition("source", "reasoning-gym").version()]
    )


def test_odd_paths_are_quoted(tmp_path: Path) -> None:
    from tests.support.graphs import findings
    from tests.support.specs import TINY

    name = 'it: is "odd" #1.jsonl'
    rows = "".join(f'{{"q": {number}, "a": "1"}}\n' for number in range(300))
    (tmp_path / name).write_text(rows, encoding="utf-8")
    source = "other: {kind: jsonl, path: 'it: is \"odd\" #1.jsonl', fields: {input: q, target: a}}"
    text = TINY.replace("  score:", f"    {source}\n  score:", 1).replace(
        "test: {from: problems", "test: {from: other", 1
    )
    assert findings(tmp_path, text) == ()
    graph = lower(front_end([tmp_path / "spec.yaml"], root=tmp_path)).graph
    (stage,) = [stage for stage in graph.stages if stage.kind == "data" and stage.files]
    content = yaml.safe_load(stage_files(stage, graph.by_id())["dvc.yaml"])
    assert content["stages"]["data"]["deps"] == [f"../../{name}", "stage.json"]
