"""Images that look like those of a split: found by hashes of how they look, whatever their files are."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from dataenvgym_spec.core.errors import MissingExtra, StageError
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.media import Images, picture_of
from dataenvgym_spec.gym.tasks.scenes import paint
from dataenvgym_spec.gym.tasks.scenes import read as scene_of
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.files import read, read_all, write_json, write_rows
from dataenvgym_spec.records.image_hashes import image_hash
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.records.splits import Kept, Reserve
from tests.support.golden import Workshop, assert_golden, component, make

pytest.importorskip("imagehash", reason="imagehash is not installed (extra 'near')")

SCENE = "a large red circle at the top left and a small blue square at the right on white"
OTHER = "a large green cross at the bottom and a large red triangle at the left on black"


def painted(text: str, side: int = 96) -> bytes:
    scene = scene_of(text)
    assert scene is not None
    return paint(scene, side)


def altered(content: bytes, size: int = 0, light: float = 1.0, form: str = "PNG") -> bytes:
    """The same picture in another file."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as opened:
        image = ImageEnhance.Brightness(opened.convert("RGB")).enhance(light)
        image.resize((size, size) if size else image.size).save(file, form, quality=50)
    return file.getvalue()


def example(number: int, content: bytes, folder: Path) -> Example:
    """A candidate whose image lies in a folder."""
    picture = picture_of(content)
    path = folder / picture.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Example(
        id=f"{number:016}", input=f"What is it? ({number})", target="it", group="g", cluster="c", skill="g",
        images=(picture,),
    )  # fmt: skip


def said(contents: list[bytes], kept: Reserve | None, folder: Path, **options: Any) -> Any:
    given = {"against": ["test", "feedback"], "distance": 8} | options
    check = make("check", component("check", "near-image", **given))
    rows = [example(number, content, folder) for number, content in enumerate(contents)]
    sight = Sight(scorer=ExactMatch(), reserve=kept, file=lambda picture: folder / picture.file)
    return list(check.objections(rows, sight))


def reserve(**images: list[bytes]) -> Reserve:
    roles = {}
    for role, contents in images.items():
        roles[role] = Kept(images=tuple(sorted(image_hash(content) for content in contents)))
    return Reserve(seed=0, roles=roles)


def test_the_same_picture_is_found_in_other_files(tmp_path: Path) -> None:
    own = painted(SCENE)
    alike = [
        own,
        altered(own, form="JPEG"),
        altered(own, size=48),
        altered(own, size=200, form="WEBP"),
        altered(own, light=1.1),
    ]
    assert len({picture_of(content).digest for content in alike}) == len(alike)
    found = said([*alike, painted(OTHER)], reserve(test=[own]), tmp_path)
    assert found[0] == "its image looks like one of test: 0 of 64 bits differ"
    assert all(found[:-1]) and found[-1] is None
    # In how many bits a JPEG differs depends on who compressed it.
    told = [one and one.partition(":")[0] for one in found]
    assert_golden("check", "near-image", {1: "0fd65ba976da38ef"}, told)


def test_the_distance_and_the_splits_decide(tmp_path: Path) -> None:
    own, small = painted(SCENE), altered(painted(SCENE), size=30, form="JPEG")
    bits = (int(image_hash(own), 16) ^ int(image_hash(small), 16)).bit_count()
    assert 0 < bits <= 8, "else the test tells nothing of the distance"
    kept = reserve(feedback=[painted(OTHER), own])
    near = f"its image looks like one of feedback: {bits} of 64 bits differ"
    assert said([small], kept, tmp_path) == [near]
    assert said([small], kept, tmp_path, distance=bits) == [near]
    assert said([small], kept, tmp_path, distance=bits - 1) == [None]
    assert said([small], kept, tmp_path, against=["test"]) == [None]
    assert said([small], None, tmp_path) == [None]


def test_nobody_says_where_the_files_are(tmp_path: Path) -> None:
    check = make("check", component("check", "near-image", against=["test"], distance=8))
    sight = Sight(scorer=ExactMatch(), reserve=reserve(test=[painted(OTHER)]))
    with pytest.raises(StageError, match="nobody says where its file is"):
        check.objections([example(1, painted(SCENE), tmp_path)], sight)


def test_a_hash_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "imagehash", None)
    with pytest.raises(MissingExtra, match="needs the package 'imagehash'") as error:
        image_hash(painted(SCENE))
    assert "dataenvgym-spec[near]" in error.value.help


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A split of a folder of pictures, and one of drawn shapes, which has no end."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "own.png").write_bytes(painted(SCENE))
    (folder / "broken.png").write_bytes(b"no image")
    rows = [["What is it?", "a circle", "own"], ["What is it?", "nothing", "broken"]]
    (folder / "questions.json").write_text(json.dumps(rows), encoding="utf-8")
    made = Workshop(tmp_path / "shop")
    family = {"asks": "shape", "objects": 2}
    shapes = component("source", "shapes", families={"shape": family}, pixels=96, questions=1)
    made.data("test", source=shapes, draw={"per_group": 3}, score=component("scorer", "vqa-match"))
    return made


def test_stages_compare_with_what_a_folder_holds_and_with_what_was_drawn(
    shop: Workshop, tmp_path: Path
) -> None:
    """From the splits over their hashes to the check, whose candidates are other files."""
    source = component(
        "source", "image-folder", path="pictures", questions="questions.json",
        images="{}.png", fields={"input": 0, "target": 1, "image": 2},
    )  # fmt: skip
    params = {
        "lanes": {"selection": [0.0, 1.0]},
        "sources": {"selection": source},
        "seed": 3,
        "images": ["selection", "test"],
    }
    files = {"folder": tmp_path / "pictures", "pictures": tmp_path / "pictures"}
    out = shop.run("reserve", "reserve", params, (("items", "test", "test"),), files)
    kept = read(out / "hashes" / "reserve.json", Reserve).roles
    drawn = shop.outs["test"] / "test"
    shown = [one.pictures[0] for one in read_all(drawn / "items.jsonl", Item)]
    assert kept["selection"].images == (image_hash(painted(SCENE)),)
    hashes = {image_hash((drawn / picture.file).read_bytes()) for picture in shown}
    assert kept["test"].images == tuple(sorted(hashes))

    port = tmp_path / "made" / "candidates"
    contents = [altered(painted(SCENE), form="JPEG"), painted(OTHER)]
    contents.append(altered((drawn / shown[0].file).read_bytes(), size=80))
    rows = [example(number, content, port) for number, content in enumerate(contents)]
    write_rows(port / "examples.jsonl", rows)
    asked = tmp_path / "asked" / "plan"
    asked.mkdir(parents=True)
    write_json(asked / "plan.json", Plan(allocation={"g": 3}, reasons={}, errors={}))
    shop.outs |= {"made": port.parent, "asked": asked.parent}
    check = component(
        "check", "near-image", action="reject", against=["test", "selection"], distance=8
    )
    out = shop.run(
        "check",
        "check",
        {"observe": {}, "checks": [check], "score": component("scorer", "vqa-match")},
        (("candidates", "made", "candidates"), ("plan", "asked", "plan"), ("reserve", "reserve", "hashes")),
    )  # fmt: skip
    (accepted,) = read_all(out / "accepted" / "examples.jsonl", Example)
    assert accepted.pictures == rows[1].pictures
    rejected = read_all(out / "rejected" / "examples.jsonl", Rejected)
    assert {row.id: (row.check, row.reason.partition(":")[0]) for row in rejected} == {
        rows[0].id: ("near-image", "its image looks like one of selection"),
        rows[2].id: ("near-image", "its image looks like one of test"),
    }


def test_it_takes_images_of_every_format(tmp_path: Path) -> None:
    own, images = painted(SCENE), Images()
    forms = [altered(own, form=form) for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP")]
    assert all(images.add(content) for content in forms)
    assert all(said(forms, reserve(test=[own]), tmp_path))
