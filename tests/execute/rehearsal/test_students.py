"""Tiny models of architectures that see: from the table alone, and from the small files of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.models import find_model
from dataenvgym_spec.execute.rehearsal.stand_ins import WantedModel
from dataenvgym_spec.execute.rehearsal.students import Blueprint, NotTiny, Shelf, build, real_config
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
    without = Blueprint(config=found.blueprint.config, tokenizer=None, format=None)
    with pytest.raises(NotTiny, match="its processor is not here"):
        build(without, tmp_path / "blind", TEXTS)
