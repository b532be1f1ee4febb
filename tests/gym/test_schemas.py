"""The published schemas of states, actions and requests: up to date, whole, and true of real records."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.schema import command
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState, Wanted
from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.schemas import (
    environment_schema,
    record_schema,
    schema_text,
)
from dataenvgym_spec.gym.environments.skill_list import Allocation
from dataenvgym_spec.gym.environments.skill_tree import (
    Measured,
    SkillTreeAction,
    SkillTreeState,
)
from dataenvgym_spec.language.components import built_in, definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.records.plans import Like, Request, ShownError, Yield
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.skills import Exploit, Explore, SkillTree, Subskill
from tests.support.packages import PACKAGES
from tests.support.repositories import ROOT
from tests.support.states import states

KINDS = built_in()["environment"]
ERROR = ShownError(id="e1", input="1 + 1", target="2", prediction="3", group="sum")
HALF = SkillScore(accuracy=0.5, items=8)
REQUEST = Request(
    id="r1",
    count=2,
    skill="sum",
    subskill="carrying",
    show=("e1",),
    like=(Like(input="1", target="1", group="one"),),
)
TREE = SkillTree(
    subskills=(Subskill(name="carrying", allocation=3, added=1, asked=3, requested=3),),
    move=Explore(count=1, allocation=3, subskills=("carrying",)),
    score=HALF,
    interval=HALF.interval,
    reward=0.25,
)
RECORDS: dict[str, dict[str, list[Record]]] = {
    "open-ended": {
        "state": [
            OpenEndedState(),
            OpenEndedState(
                errors=(ERROR,),
                per_request=1,
                score=HALF,
                yields={"r1": Yield(requested=2, accepted=1, reasons={"known": {"right": 1}})},
            ),
        ],
        "action": [OpenEndedAction(wanted=(Wanted(count=2, show=("e1",), brief="Be odd."),))],
        "request": [REQUEST],
    },
    "skill-list": {"state": [*states()], "action": [Allocation(allocation={"sum": 3})]},
    "skill-tree": {
        "state": [
            SkillTreeState(),
            SkillTreeState(
                trees={"sum": TREE, "gcd": SkillTree(move=Exploit(delta={"big": -1}))},
                scored=True,
                measured=Measured(by="a", marks={"sum": {"1": True}}),
            ),
        ],
        "action": [
            SkillTreeAction(moves={"sum": TREE.move, "gcd": Exploit(delta={"big": 2})}),
            SkillTreeAction(moves={}, requests=(REQUEST,), reasons={"sum": "weak"}),
        ],
    },
}


def validator(schema: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    """Of the part that an environment's schema calls `name`."""
    return jsonschema.Draft202012Validator({**schema["properties"][name], "$defs": schema["$defs"]})


def test_the_published_schemas_are_those_of_the_code() -> None:
    folder = ROOT / "schemas" / "environments"
    assert {path.name for path in folder.iterdir()} == {f"{kind}.schema.json" for kind in KINDS}
    for kind, item in KINDS.items():
        text = (folder / f"{kind}.schema.json").read_text(encoding="utf-8")
        assert text == schema_text(environment_schema(item)), "run: dataenvgym schema --write"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_to_readers_of_json(kind: str) -> None:
    schema = environment_schema(KINDS[kind])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [*schema["properties"]] == ["state", "action", "request"]
    for name, part in schema["$defs"].items():
        assert part["description"], name
        for field, value in part["properties"].items():
            assert field == "kind" or value["description"], (name, field)
    assert "None" not in schema_text(schema)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_valid_and_what_is_valid_can_be_read(kind: str) -> None:
    schema = environment_schema(KINDS[kind])
    for name, records in RECORDS[kind].items():
        for record in records:
            assert list(validator(schema, name).iter_errors(record.plain())) == []
            assert type(record).parse(record.plain()) == record


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("open-ended", {"wanted": [{"show": ["e1"]}]}),
        ("skill-list", {"allocation": {"sum": "three"}}),
        ("skill-list", {"allocations": {"sum": 3}}),
        ("skill-tree", {"moves": {"sum": {"kind": "explore", "count": -1, "allocation": 3}}}),
        ("skill-tree", {"moves": {"sum": {"kind": "expand"}}}),
    ],
)
def test_what_cannot_be_read_is_not_valid(kind: str, wrong: dict[str, Any]) -> None:
    assert list(validator(environment_schema(KINDS[kind]), "action").iter_errors(wrong))
    with pytest.raises(msgspec.ValidationError):
        KINDS[kind].load().action.parse(wrong)


def test_one_record_alone() -> None:
    schema = record_schema(SkillTreeAction)
    jsonschema.Draft202012Validator(schema).validate(SkillTreeAction(moves={}).plain())
    assert schema["required"] == ["moves"]
    assert schema["properties"]["reasons"]["description"] == "why, in words, by skill."
    assert "$defs" not in record_schema(Allocation)


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of a package, whose action is called as a record of the state is."""
    monkeypatch.syspath_prepend(str(PACKAGES / "abacus"))
    folder = PACKAGES / "abacus" / "abacus"
    data = json.loads((folder / "ladder.json").read_text(encoding="utf-8"))
    for kind, name in (("ladder", "Ladder"), ("broken", "Rung")):
        item = declare(
            "environment", kind, data, implementation=f"abacus.ladder:{name}", by="abacus"
        )
        monkeypatch.setitem(definitions()["environment"], kind, item)
    yield
    for module in ("abacus", "abacus.ladder"):
        sys.modules.pop(module, None)


def test_the_schemas_of_an_installed_environment_are_printed(packaged: None) -> None:
    said = CliRunner().invoke(command, ["--environment", "ladder"], catch_exceptions=False)
    schema = json.loads(said.output)
    assert schema["title"] == "ladder" and "rung" in said.output
    validator(schema, "action").validate({"parts": {"sum": 2}})
    assert list(validator(schema, "action").iter_errors({"allocation": {}, "reasons": {}}))
    with pytest.raises(UserError, match="the environment 'broken' does not say what its state is"):
        CliRunner().invoke(command, ["--environment", "broken"], catch_exceptions=False)


def test_an_environment_that_there_is_not_and_two_wishes(tmp_path: Path) -> None:
    for words, told in (
        (["--environment", "skill-tre"], "there is no environment 'skill-tre'"),
        (["--environment", "skill-tree", "--write"], "two wishes"),
        (["--environment", "skill-tree", "--reference"], "two wishes"),
    ):
        with pytest.raises(UserError, match=told):
            CliRunner().invoke(command, words, catch_exceptions=False)
