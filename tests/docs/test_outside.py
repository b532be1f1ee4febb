"""The page on policies outside: its programs decide, as it says."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dataenvgym_spec.gym.environments.contract import Contract
from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.outside import OutsidePolicy
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.services import COMMAND, KEY, VARIABLE
from tests.support.golden import component, make
from tests.support.repositories import ROOT

PAGE = (ROOT / "docs" / "outside-policies.md").read_text(encoding="utf-8")
NAME = "DATAENVGYM_POLICY_MY_POLICY_COMMAND"
STATE = SkillListState(
    skills=("a", "b", "c"),
    scores={
        "a": SkillScore(accuracy=0.25, items=8),
        "b": SkillScore(accuracy=0.75, items=8),
    },
)


def block(language: str, number: int = 0) -> str:
    texts: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return texts[number]


def exported(number: int) -> dict[str, str]:
    """The variables that a block of the page sets, as a shell does it."""
    before = subprocess.run(["env", "-0"], env={}, capture_output=True, text=True, check=True)
    command = ["/bin/sh", "-c", f"{block('sh', number)}\nexec /usr/bin/env -0"]
    after = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    said = {*after.stdout.split("\0")} - {*before.stdout.split("\0"), ""}
    found = dict(line.split("=", 1) for line in said)
    return {name: value for name, value in found.items() if "MY_" in name}


def decided() -> Allocation:
    environment = make("environment", component("environment", "skill-list"))
    contract = Contract.of(environment, STATE, 100, kind="skill-list")
    made = OutsidePolicy(name="my-policy", version=1, timeout=60.0)
    action = made.act(STATE, 100, Tools(seed=1, contract=contract))
    assert isinstance(action, Allocation)
    return action


def test_the_variables_are_those_of_the_code() -> None:
    for text in (COMMAND, KEY, VARIABLE):
        assert text.format("POLICY_MY_POLICY") in PAGE
    assert {*exported(0)} == {text.format("POLICY_MY_POLICY") for text in (COMMAND, VARIABLE)}


def test_the_program_of_the_page_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_policy.py").write_text(block("python"), encoding="utf-8")
    command = exported(0)[NAME].replace("/home/me", str(tmp_path))
    monkeypatch.setenv(NAME, command.replace("python3", f"{sys.executable} -I -S"))
    action = decided()
    assert action.allocation == {"a": 38, "b": 12, "c": 50}
    assert action.reasons["a"] == "wrong in 75%"


AGENT = """\
import json, sys
given, schema = json.load(open("state.json")), json.load(open("schema.json"))
assert sys.argv[1] == "--print"
print("I think about", sys.argv[2][:40], file=sys.stderr)
assert "allocation" in schema["$defs"]["Allocation"]["required"]
json.dump({"allocation": {given["state"]["skills"][0]: given["budget"]}}, open("action.json", "w"))
"""
"""In place of a coding agent: reads what one is given, and writes what one is asked for."""


def test_an_agent_of_the_command_line_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "decide.sh"
    script.write_text(block("bash"), encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "agent.py").write_text(AGENT, encoding="utf-8")
    variables = exported(1)
    assert variables.pop("MY_AGENT") == "my-coding-agent --print"
    monkeypatch.setenv("MY_AGENT", f"{sys.executable} -I -S {tmp_path / 'agent.py'} --print")
    assert [*variables] == [NAME]
    monkeypatch.setenv(NAME, variables[NAME].replace("/home/me", str(tmp_path)))
    assert decided().allocation == {"a": 100}
