"""The published schema of hardware profiles: what editors complete, explain and underline by it."""

import shutil
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from dataenvgym_spec.setup.hardware.profile import HardwareProfile, LightJobs
from dataenvgym_spec.setup.hardware.schema import PUBLISHED, SCHEMA, schema_text
from tests.support.editing import server_command
from tests.support.language_server import Place, serve
from tests.support.repositories import ROOT

HEAD = f"# yaml-language-server: $schema={PUBLISHED}\n"


def test_the_published_schema_is_the_one_the_code_uses() -> None:
    assert (ROOT / PUBLISHED).read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_records_and_schema_have_the_same_keys_and_each_is_described() -> None:
    def keys(record: Any) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(record)}

    assert set(SCHEMA["properties"]) == keys(HardwareProfile)
    for field in msgspec.structs.fields(HardwareProfile):
        part = SCHEMA["properties"][field.encode_name]
        options = getattr(field.type, "__args__", (field.type,))
        (record,) = [option for option in options if option is not type(None)]
        assert set(part["properties"]) == keys(record)
        assert all(value["description"] for value in [part, *part["properties"].values()])
    light = SCHEMA["properties"]["slurm"]["properties"]["light"]
    assert set(light["properties"]) == keys(LightJobs)


def test_an_editor_completes_explains_and_underlines(tmp_path: Path) -> None:
    command = server_command()
    (tmp_path / "schemas").mkdir()
    shutil.copy(ROOT / PUBLISHED, tmp_path / PUBLISHED)
    path = tmp_path / "hardware.yaml"
    text = f"{HEAD}training:\n  processes: 2\n  \nmachine: {{cpus: many}}\n"
    text += "slurm:\n  options: {mem: 8, qos: high}\n  light:\n    \n"
    path.write_text(text, encoding="utf-8")
    with serve(command, tmp_path) as server:
        server.open(path)
        offered = {item.label for item in server.complete(path, Place(line=3, character=2))}
        assert offered >= {"device_batch"}
        shown = server.hover(path, Place(line=2, character=4))
        assert "How many train together" in shown and "At least `1`" in shown
        offered = {item.label for item in server.complete(path, Place(line=8, character=4))}
        assert offered >= {"partition", "memory"} and "gpus" not in offered
        assert {found.line for found in server.squiggles(path)} == {5, 7, 8}, "light is still empty"
