"""Tiny models of architectures that see: from the table alone, and from the small files of a model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from dataenvgym_spec.execute.rehearsal import eyes
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.known import known_models
from dataenvgym_spec.execute.rehearsal.models import Found, find_model
from dataenvgym_spec.execute.rehearsal.stand_ins import WantedModel
from dataenvgym_spec.execute.rehearsal.students import (
    Blueprint,
    NotInstalled,
    NotTiny,
    Shelf,
    build,
    real_config,
)
from dataenvgym_spec.gym.students.codec import Codec
from dataenvgym_spec.gym.students.pretrained import read_processor, sees
from tests.gym.test_vision import idefics
from tests.support.vision import answers, drawn, noise, pictures, prompts

TEXTS = [f"What is {number} + {number}? It is {2 * number}." for number in range(50)]


def test_of_an_unknown_architecture_no_tiny_one_is_made(tmp_path: Path) -> None:
    blueprint = Blueprint(config={"model_type": "of-nobody"}, tokenizer=None, format=None)
    with pytest.raises(NotTiny, match="does not know the architecture 'of-nobody'"):
        build(blueprint, tmp_path / "it", TEXTS)
    assert not (tmp_path / "it").exists()


@pytest.mark.slow
def test_a_tiny_paligemma_sees_and_is_made_once(tmp_path: Path) -> None:
    wanted = WantedModel(name="google/paligemma-3b-pt-224", revision="a" * 40)
    found = find_model(wanted, tmp_path, HubAccess(asks=False), chat=False)
    shelf = Shelf()
    for name in ("one", "two"):
        shelf.build(found.blueprint, tmp_path / name, TEXTS)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
    config = real_config(dict(found.blueprint.config))
    processor = read_processor(tmp_path / "one")
    seen = config.vision_config
    # A prompt is as long as that of the real one.
    assert processor.image_seq_length == (seen.image_size // seen.patch_size) ** 2
    items = drawn(pictures(), 2, 1)
    asked = prompts(tmp_path, items, noise)
    assert len(answers(tmp_path / "two", items, asked)) == len(items)


@pytest.mark.slow
def test_a_model_that_sees_is_made_small_with_its_own_processor(tmp_path: Path) -> None:
    real = idefics(tmp_path / "real")
    wanted = WantedModel(name="real", directory="real")
    found = find_model(wanted, tmp_path, HubAccess(asks=False), chat=False)
    assert found.origin == "files"
    build(found.blueprint, tmp_path / "tiny", TEXTS)
    assert sees(tmp_path / "tiny")
    assert read_processor(tmp_path / "tiny").image_token == read_processor(real).image_token
    other = Blueprint(config={"model_type": "llava"}, tokenizer=None, format=None)
    with pytest.raises(NotTiny, match="its processor is not here"):
        build(other, tmp_path / "blind", TEXTS)


HERE = ["HuggingFaceTB/SmolVLM-256M-Instruct", "HuggingFaceM4/Idefics3-8B-Llama3"]
ELSEWHERE = {
    "HuggingFaceTB/SmolVLM2-2.2B-Instruct": "num2words",
    "Qwen/Qwen2-VL-2B-Instruct": "torchvision",
    "Qwen/Qwen2.5-VL-3B-Instruct": "torchvision",
}
"""Models whose processor needs a package that no extra brings: torchvision, and what is named."""
HAVE = {package for package in ("num2words", "torchvision") if find_spec(package)}


def found_of(name: str, folder: Path) -> Found:
    wanted = WantedModel(name=name, revision="a" * 40)
    return find_model(wanted, folder, HubAccess(asks=False), chat=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *HERE,
        *(
            pytest.param(
                name,
                marks=pytest.mark.skipif(
                    not {package, "torchvision"} <= HAVE, reason=f"{package} is not installed"
                ),
            )
            for name, package in ELSEWHERE.items()
        ),
    ],
)
def test_a_tiny_one_of_the_table_sees_and_converses(name: str, tmp_path: Path) -> None:
    found = found_of(name, tmp_path)
    assert found.origin == "table"
    build(found.built, tmp_path / "tiny", TEXTS)
    items = drawn(pictures(), 2, 1)
    for chat in (True, False):
        asked = prompts(tmp_path, items, noise, chat=chat)
        inputs = Codec(tmp_path / "tiny", max_new_tokens=4).inputs(asked.prompt(items[0]))
        assert inputs.seen and all(len(part) for part in inputs.seen.values())
        assert len(answers(tmp_path / "tiny", items, asked)) == len(items)


@pytest.mark.slow
def test_an_image_is_as_many_tokens_as_of_the_real_model(tmp_path: Path) -> None:
    """Of SmolVLM 64 a tile: four by four of them, and the whole image."""
    build(found_of(HERE[0], tmp_path).built, tmp_path / "tiny", TEXTS)
    items = drawn(pictures(), 1, 1)
    codec = Codec(tmp_path / "tiny", max_new_tokens=4)
    inputs = codec.inputs(prompts(tmp_path, items, noise, chat=True).prompt(items[0]))
    tokens = codec.tokenizer.convert_ids_to_tokens(inputs.ids)
    assert tokens.count("<image>") == 64 * (4 * 4 + 1)
    assert tokens.count("<row_4_col_4>") == tokens.count("<global-img>") == 1


@pytest.mark.slow
def test_where_a_package_is_missing_another_model_that_sees_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eyes, "find_spec", lambda name: None)
    for name in ELSEWHERE:
        found = found_of(name, tmp_path)
        with pytest.raises(NotInstalled, match="torchvision"):
            build(found.built, tmp_path / "never", TEXTS)
        assert not (tmp_path / "never").exists()
    without = found.without("torchvision")
    build(without.built, tmp_path / "other", TEXTS)
    assert sees(tmp_path / "other")
    # What the real one takes is still told by its own configuration.
    assert without.config["model_type"] == "qwen2_5_vl"
    (said,) = without.untested()
    assert "needs torchvision" in said and "Idefics3" in said


def test_what_is_missing_for_a_processor_is_known_by_its_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eyes, "find_spec", lambda name: "here" if name == "torchvision" else None)
    models = known_models()
    assert eyes.lacking(models["HuggingFaceTB/SmolVLM2-2.2B-Instruct"].config) == "num2words"
    for name in (*HERE, "Qwen/Qwen2-VL-2B-Instruct", "google/gemma-2-2b"):
        assert eyes.lacking(models[name].config) is None
