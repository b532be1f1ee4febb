"""The images of errors on their way: from shown items over the plan to the prompt of an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.showing import image_of
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read, read_all, write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support import teachers
from tests.support.golden import Workshop, component, defaults
from tests.support.teachers import Scripted, examples

ROW = {"image": "a red circle at the top", "input": "What colour is the circle?", "target": "red"}


class Eyes(Scripted):
    """Notes what it is asked, whoever makes it."""

    all_asked: list[Any] = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(says=lambda *_: examples(ROW))

    def answer(self, asks: Any) -> Any:
        Eyes.all_asked += asks
        return super().answer(asks)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Feedback of drawn shapes, to which a student has answered nothing right."""
    monkeypatch.setattr(teachers, "Eyes", Eyes, raising=False)
    teachers.install(monkeypatch, "eyes", Eyes)
    Eyes.all_asked.clear()
    made = Workshop(tmp_path)
    family = {"asks": "colour", "objects": 1}
    source = component("source", "shapes", families={"colour": family}, pixels=24, questions=1)
    made.data(
        "feedback",
        source=source,
        draw={"per_group": 6},
        score=component("scorer", "vqa-match"),
        show=0.5,
    )
    for port in ("shown", "hidden"):
        rows = []
        for item in read_all(made.outs["feedback"] / port / "items.jsonl", Item):
            fields = {
                "id": item.id,
                "group": item.group,
                "input": item.input,
                "target": item.target,
            }
            marks = {"score": 0.0, "correct": False, "unparseable": False, "truncated": False}
            rows.append(Result(**fields, **marks, prediction="?", images=item.pictures))
        folder = tmp_path / f"base-{port}" / "out" / port
        folder.mkdir(parents=True)
        write_rows(folder / "results.jsonl", rows)
        made.outs[f"base-{port}"] = folder.parent
    items = (("items", "feedback", "shown"), ("items", "feedback", "hidden"))
    made.run("skills", "skills", {"discover": component("discovery", "gold")}, items)
    yield made
    teachers.forget()


@pytest.mark.parametrize("shows", [True, False])
def test_images_of_errors_come_to_the_teacher(shop: Workshop, shows: bool) -> None:
    observe = {"errors": 2, "scores": True}
    policy = component("policy", "allocate", power=1.0, floor=0.2)
    params = {"observe": observe, "policy": policy, "amount": 4, "seed": 7}
    reads = [("results", f"base-{port}", port) for port in ("shown", "hidden")]
    reads.append(("skills", "skills", "skills"))
    if shows:
        params, reads = {**params, "images": True}, [*reads, ("items", "feedback", "shown")]
    out = shop.run("plan", "plan", params, tuple(reads))
    plan = read(out / "plan" / "plan.json", Plan)
    shown = {
        item.id: item for item in read_all(shop.outs["feedback"] / "shown" / "items.jsonl", Item)
    }
    errors = plan.errors["colour"]
    assert len(errors) == 2
    assert [error.images for error in errors] == [
        shown[error.id].images if shows else () for error in errors
    ]
    files = {path.name for path in (out / "plan").glob("media/*")}
    assert files == {Path(picture.file).name for error in errors for picture in error.images}
    assert ("images" in (out / "plan" / "plan.json").read_text()) is shows

    painter = component("painter", "shapes", pixels=24)
    engine = {**defaults("engine", "painted"), "prompt": built_in_templates()["builtin:pictures"]}
    engine |= {"teacher": component("teacher", "eyes"), "painter": painter}
    engine |= {"show_images": True} if shows else {}
    engine = {**component("engine", "painted"), **engine}
    made = {"observe": observe, "engine": engine, "iteration": 1, "round": 0, "seed": 7}
    shop.run("generate", "generate", made, (("plan", "plan", "plan"),))
    (message,) = Eyes.all_asked[0].messages
    own = shop.outs["feedback"] / "shown"
    expected = [
        image_of(own / error.images[0].file, error.images[0].media) for error in errors if shows
    ]
    assert list(message.images) == expected
    assert ("You are shown their images" in message.content) is shows
