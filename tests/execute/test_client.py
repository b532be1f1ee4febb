"""Which stages gain from a warm worker."""

import copy
import json
from typing import Any

import pytest

from dataenvgym_spec.execute.warm.client import gains
from tests.support.repositories import call, new_repo


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A `stage.json` of each kind."""
    repo = new_repo(tmp_path_factory.mktemp("stages") / "repo")
    call("dataenvgym", "compile", cwd=repo)
    found = [json.loads(path.read_text()) for path in repo.glob("store/*/stage.json")]
    return {content["kind"]: content for content in found}


def changed(content: dict[str, Any], *path: str, value: object) -> dict[str, Any]:
    content = copy.deepcopy(content)
    holder = content["params"]
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return content


def test_what_runs_or_makes_a_model_gains(stages: dict[str, dict[str, Any]]) -> None:
    assert gains(stages["evaluate"]) and gains(stages["student"]) and gains(stages["train"])


def test_what_needs_another_package_or_none_does_not(stages: dict[str, dict[str, Any]]) -> None:
    assert not gains(changed(stages["evaluate"], "generate", "backend", value="vllm"))
    fetched = {"kind": "path", "semantics": 2, "path": "sha256:00"}
    assert not gains({**stages["student"], "params": {"model": fetched}})


def test_what_is_not_installed_is_told_by_the_stage_itself(
    stages: dict[str, dict[str, Any]],
) -> None:
    assert not gains(changed(stages["evaluate"], "generate", "backend", value="gone"))


def test_a_package_that_declares_to_need_nothing_gains(stages, install) -> None:
    install("backend", "aloud")
    assert gains(changed(stages["evaluate"], "generate", "backend", value="aloud"))
