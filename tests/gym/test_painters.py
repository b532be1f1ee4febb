"""Painters: what is painted is what is described, or noise; and engines that have examples painted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.plans import Request
from tests.support.golden import assert_golden, component, make
from tests.support.vision import FAMILIES, pictures

TEXTS = [
    "a red circle at the top on white",
    "a photo of a dog",
    "a red circle at the top on white",
    "a blue cross",
]


def painter(kind: str) -> Any:
    return make("painter", component("painter", kind, pixels=24))


def painted(kind: str, seed: int = 1) -> list[bytes | None]:
    images: list[bytes | None] = painter(kind).paint(TEXTS, seed)
    return images


def requests(count: int = 3) -> list[Request]:
    return [Request(id=name, skill=name, count=count) for name in FAMILIES]


def repainted(kind: str, tools: Tools) -> list[Example]:
    from dataenvgym_spec.gym.engines.repainted import Repainted

    teacher = ProceduralTeacher(source=pictures())
    return list(
        Repainted(teacher=teacher, painter=painter(kind), oversample=1.0).generate(
            requests(), tools
        )
    )


def test_painters_make_what_their_numbers_say() -> None:
    made = {}
    for kind in ("shapes", "noise"):
        made[kind] = [None if one is None else bytes_digest(one) for one in painted(kind)]
    assert_golden("painter", "shapes", {1: "2298c279b0e2d89c"}, made["shapes"])
    assert_golden("painter", "noise", {1: "c63e0ce9b0d8ccfe"}, made["noise"])


def test_shapes_are_painted_where_a_description_is_a_scene() -> None:
    images = painted("shapes")
    assert images[1] is None and images[0] == images[2] != images[3]
    assert images == painted("shapes", seed=2)


def test_noise_differs_by_description_and_seed() -> None:
    images = painted("noise")
    assert None not in images and images[0] == images[2] and len({*images}) == 3
    assert not {*images} & {*painted("noise", seed=2)}
    assert images[0] is not None and picture_of(images[0]).width == 24


def test_the_same_questions_are_painted_anew() -> None:
    shapes, noise = Tools(seed=3), Tools(seed=3)
    seen, blind = repainted("shapes", shapes), repainted("noise", noise)
    assert [(one.input, one.target, one.skill) for one in seen] == [
        (one.input, one.target, one.skill) for one in blind
    ]
    assert_golden("engine", "repainted", {1: "77e5fc0d7142f7ac"}, [one.row() for one in seen])
    for one, other in zip(seen, blind, strict=True):
        assert one.id != other.id and one.cluster != other.cluster
        assert shapes.images.content(one.images[0]) and noise.images.content(other.images[0])
    assert len({one.cluster for one in seen}) == len({one.images[0].digest for one in seen})


def test_what_cannot_be_painted_is_counted() -> None:
    from dataenvgym_spec.gym.engines.repainted import Repainted

    class Some:
        def paint(self, descriptions: list[str], seed: int) -> list[bytes | None]:
            return [None, b"no image", *painter("noise").paint(descriptions[2:], seed)]

    tools = Tools(seed=1)
    engine = Repainted(teacher=ProceduralTeacher(source=pictures()), painter=Some(), oversample=1.0)
    assert len(list(engine.generate(requests(), tools))) == 4
    assert (
        engine.counts == {"descriptions that were not painted": 1} and tools.images.bad.total() == 1
    )


def test_a_source_that_describes_no_image_is_refused(tmp_path: Path) -> None:
    from tests.support.golden import FAMILIES as SUMS

    source = make("source", component("source", "reasoning-gym", families=SUMS))
    from dataenvgym_spec.gym.engines.repainted import Repainted

    engine = Repainted(
        teacher=ProceduralTeacher(source=source), painter=painter("noise"), oversample=1.0
    )
    with pytest.raises(StageError, match="does not say what its image shows"):
        list(engine.generate([Request(id="sum", skill="sum", count=1)], Tools(seed=1)))
