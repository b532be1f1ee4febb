"""Whether teachers can be asked from here is looked at before anything runs, of what will run alone."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from dataenvgym_spec.cli import run
from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.services import unusable
from tests.support.repositories import call, new_repo
from tests.support.specs import EXACT, SMALL, TEMPLATE, merged, plain

WRITER = {"kind": "openai", "model": "m", "concurrency": 3}
IDLE = {"kind": "openai", "model": "idle", "key_env": "NO_KEY"}
ENGINE = {"kind": "llm", "teacher": "writer", "oversample": None}
SPEC = yaml.safe_dump(
    merged(
        plain(SMALL.replace(*EXACT)),
        {"teachers": {"writer": WRITER, "idle": IDLE}, "agent": {"engine": ENGINE}},
    )
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("services")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return lower(front_end([folder / "spec.yaml"], root=folder))


def stages(compiled: Compiled, *kinds: str) -> list[Stage]:
    return [stage for stage in compiled.graph.stages if stage.kind in kinds]


def test_each_teacher_that_will_be_asked_is_told_once(compiled: Compiled) -> None:
    (found,) = unusable(compiled.specs, compiled.graph.stages, {})
    assert (found.code, found.severity) == ("E211", "error")
    assert "the teacher 'writer' cannot be asked" in found.message
    assert found.span is not None and found.span.text.strip() == "writer:"


def test_what_is_set_or_not_asked_is_no_finding(compiled: Compiled) -> None:
    assert unusable(compiled.specs, compiled.graph.stages, {"OPENAI_API_KEY": "k"}) == ()
    assert unusable(compiled.specs, stages(compiled, "data", "train"), {}) == ()
    assert len(unusable(compiled.specs, stages(compiled, "generate"), {})) == 1


def test_plan_shows_the_plan_and_what_is_missing(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SPEC)
    assert call("dataenvgym", "validate", cwd=repo).returncode == 0
    result = call("dataenvgym", "plan", "tiny", cwd=repo, ok=False, OPENAI_API_KEY="")
    assert result.returncode == 2
    assert "generate" in result.stdout and "estimated cost" in result.stdout
    assert "error[E211]" in result.stderr and "OPENAI_API_KEY is not set" in result.stderr
    for known in ({"OPENAI_API_KEY": "k"}, {"DATAENVGYM_REPLAY": "1"}):
        assert "E211" not in call("dataenvgym", "plan", "tiny", cwd=repo, **known).stderr


def test_a_run_is_refused_before_anything_runs_unless_it_replays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def reproduce(*_given: object, **more: object) -> int:
        started.append(more["variables"])
        return 0

    monkeypatch.setattr(run, "reproduce", reproduce)
    monkeypatch.chdir(new_repo(tmp_path / "repo", SPEC))
    for name in ("OPENAI_API_KEY", "DATAENVGYM_REPLAY"):
        monkeypatch.delenv(name, raising=False)
    refused = CliRunner().invoke(run.command, ["tiny"])
    assert isinstance(refused.exception, SpecError)
    assert {finding.code for finding in refused.exception.diagnostics} == {"E211"}
    assert started == []
    assert CliRunner().invoke(run.command, ["tiny", "--replay"]).exception is None
    assert started == [{"DATAENVGYM_REPLAY": "1"}]
