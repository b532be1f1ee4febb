"""The data of the package easy-vqa, where they are: they load, and a student learns to look at them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from dataenvgym_spec.gym.tasks.sources.image_folder import ImageFolder
from dataenvgym_spec.results.evidence.statistics import paired
from tests.support.public import needs_public, public_data
from tests.support.vision import answers, content_of, noise, prompts, seeing, taught

DATA = "easy_vqa/data"
LEARNS = {
    "length": {"steps": 900},
    "learning_rate": 1.5e-3,
    "schedule": "cosine",
    "warmup_ratio": 0.05,
    "batch_size": 32,
}
there = needs_public(f"{DATA}/train/questions.json", f"{DATA}/test/questions.json")
pytestmark = [there, pytest.mark.slow]


@cache
def source(part: str) -> ImageFolder:
    return ImageFolder(
        path=public_data() / DATA / part,
        questions="questions.json",
        images="images/{}.png",
        fields={"input": 0, "target": 1, "image": 2},
    )


def test_all_of_it_loads() -> None:
    train, test = source("train"), source("test")
    assert (len(train.items), len(test.items)) == (38575, 9673)
    assert (
        len({item.cluster for item in train.items}),
        len({item.cluster for item in test.items}),
    ) == (4000, 1000)
    assert not train.images.bad and not train.skipped
    assert len({item.target for item in train.items}) == 13


def test_a_student_learns_to_look_at_it(tmp_path: Path) -> None:
    """It beats the usual answer to each question, and itself where it is taught on noise."""
    train, test, rng = source("train"), source("test"), Random(0)
    usual: dict[str, Counter[str]] = {}
    for item in train.items:
        usual.setdefault(item.input, Counter())[item.target] += 1
    best = {question: counts.most_common(1)[0][0] for question, counts in usual.items()}
    guessed = [best.get(item.input) == item.target for item in test.items]
    assert round(sum(guessed) / len(guessed), 2) == 0.67
    learned, asked = rng.sample(train.items, 12000), rng.sample(test.items, 600)
    texts = [f"{item.input} {item.target}" for item in train.items[:4000]]
    sizes = {"image_size": 64, "hidden_size": 64, "intermediate_size": 192, "layers": 2}
    base = seeing(tmp_path / "base", texts, **sizes)
    show = prompts(tmp_path, asked, content_of(test))
    right = {"usual": {item.id: best.get(item.input) == item.target for item in asked}}
    for name, paint in (("seen", content_of(train)), ("noise", noise)):
        student = taught(tmp_path / name, base, learned, paint, **LEARNS)
        said = answers(student, asked, show)
        right[name] = {
            item.id: one.text == item.target for item, one in zip(asked, said, strict=True)
        }
    clusters = {item.id: item.cluster for item in asked}
    for other in ("usual", "noise"):
        assert paired(right["seen"], right[other], clusters).difference.low > 0, other
