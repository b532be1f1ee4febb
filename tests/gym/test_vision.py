"""Students that see: they learn from what an image shows, through their own processor."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.results.evidence.statistics import paired
from tests.support.vision import (
    answers,
    content_of,
    drawn,
    noise,
    pictures,
    prompts,
    seeing,
    taught,
)

LEARNS = {"length": {"steps": 85}, "learning_rate": 2e-3, "schedule": "constant", "batch_size": 32}
QUICK = {"length": {"steps": 12}, "batch_size": 8, "learning_rate": 2e-2}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing(tmp_path_factory.mktemp("base") / "student")


def test_a_student_learns_to_look(tmp_path: Path, base: Path) -> None:
    """It beats the usual answer to each question, and itself where it is taught on noise."""
    source = pictures()

    content = content_of(source)
    learned, asked = drawn(source, 400, 1), drawn(source, 60, 2)
    show = prompts(tmp_path, asked, content)
    right = {}
    for name, paint in (("seen", content), ("noise", noise)):
        student = taught(tmp_path / name, base, learned, paint, **LEARNS)
        said = answers(student, asked, show)
        right[name] = {
            item.id: one.text == item.target for item, one in zip(asked, said, strict=True)
        }
    usual: dict[str, Counter[str]] = {}
    for item in learned:
        usual.setdefault(item.input, Counter())[item.target] += 1
    right["usual"] = {
        item.id: usual[item.input].most_common(1)[0][0] == item.target for item in asked
    }
    clusters = {item.id: item.cluster for item in asked}
    for other in ("usual", "noise"):
        compared = paired(right["seen"], right[other], clusters)
        assert compared.difference.low > 0, (other, compared)


def test_an_adapter_is_trained_on_one_that_sees(tmp_path: Path, base: Path) -> None:
    source = pictures()
    items = drawn(source, 4, 1)
    show: Any = source.images.content
    student = taught(
        tmp_path / "lora",
        base,
        items,
        show,
        **LEARNS | QUICK,
        adapter=Lora(r=4, alpha=8, dropout=0.0),
    )
    assert (student / "adapter_config.json").is_file() and (
        student / "processor_config.json"
    ).is_file()
    config = json.loads((student / "adapter_config.json").read_text())
    assert {name.split(".")[-1] for name in config["target_modules"]} >= {"q_proj", "fc1", "linear"}
    asked = prompts(tmp_path, items, show)
    said = answers(base, items, asked, adapter=student)
    assert len(said) == len(items) and said != answers(base, items, asked)
