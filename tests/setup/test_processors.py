"""Students whose processor needs torchvision, which no extra brings: `doctor` names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.gym.students.pretrained import needs_torchvision
from dataenvgym_spec.setup import doctor, processors
from tests.support.repositories import ROOT

COMMIT = "c" * 40
QWEN = {"model_type": "qwen2_vl", "vision_config": {"depth": 2}}


def spec(folder: Path, name: str, model: dict[str, Any]) -> Any:
    """The library's spec with another student."""
    tree = yaml.safe_load((ROOT / "specs" / "library" / "vqa.yaml").read_text(encoding="utf-8"))
    tree["student"]["model"] = model
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**tree, "name": name}), encoding="utf-8")
    return front_end([path], root=folder)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = processors.find_spec
    monkeypatch.setattr(
        processors, "find_spec", lambda name: None if name == "torchvision" else looked(name)
    )


def hub(folder: Path, config: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A model of the hub with a configuration in the cache of this machine."""
    at = folder / "cache" / "models--maker--eyes" / "snapshots" / COMMIT
    at.mkdir(parents=True)
    (at / "config.json").write_text(config, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "cache"))
    return {"kind": "hub", "id": "maker/eyes", "revision": COMMIT}


@pytest.mark.parametrize(
    ("config", "needs"),
    [
        (QWEN, True),
        ({**QWEN, "model_type": "qwen2_5_vl"}, True),
        ({**QWEN, "model_type": "smolvlm"}, True),
        ({**QWEN, "model_type": "llama4"}, True),
        ({**QWEN, "model_type": "paligemma"}, False),
        ({**QWEN, "model_type": "idefics3"}, False),
        ({**QWEN, "model_type": "of-a-package"}, False),
        ({"model_type": "qwen2"}, False),
        ({"vision_config": {}}, False),
    ],
)
def test_families_are_told_apart_as_transformers_does(config: Any, needs: bool) -> None:
    assert needs_torchvision(config) is needs


def test_a_missing_package_is_named_with_the_spec_and_the_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text(json.dumps(QWEN), encoding="utf-8")
    here = spec(tmp_path, "here", {"kind": "path", "path": "mine"})
    fetched = json.dumps({**QWEN, "model_type": "smolvlm"})
    cached = spec(tmp_path, "cached", hub(tmp_path, fetched, monkeypatch))
    made = spec(tmp_path, "made", {"kind": "paligemma", "vocabulary": {"source": "pictures"}})
    specs = [*here, *cached, *made]
    assert processors.without_torchvision(specs) == {
        "qwen2_vl": ("here.yaml",),
        "smolvlm": ("cached.yaml",),
    }
    one, other = doctor._processors(specs)
    assert (one.name, one.ok, one.needed) == ("torchvision", False, False)
    assert one.detail == "for the student of here.yaml, a qwen2_vl"
    assert other.detail == "for the student of cached.yaml, a smolvlm"
    assert one.help.startswith("pip install torchvision")
    monkeypatch.setattr(processors, "find_spec", lambda _name: object())
    assert processors.without_torchvision(specs) == {}


@pytest.mark.parametrize("config", ["[]", "{", '"text"'])
def test_a_damaged_configuration_needs_nothing(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = spec(tmp_path, "cached", hub(tmp_path, config, monkeypatch))
    assert processors.without_torchvision(specs) == {}
    elsewhere = {"kind": "hub", "id": "maker/unknown", "revision": COMMIT}
    assert processors.without_torchvision(spec(tmp_path, "other", elsewhere)) == {}
