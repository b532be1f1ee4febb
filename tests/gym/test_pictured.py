"""Questions about images of files, in the formats in which they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.media import BAD
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.rows import REPEATED
from tests.support.golden import assert_golden, component, make
from tests.support.images import drawn

NO_IMAGE = b"no image"


def image(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def shown(items: list[Item]) -> list[Any]:
    """What items are, less the digests of their images, which depend on who compressed them."""
    return [
        [one.input, one.target, one.golds, one.group, one.verifier, len(one.images)]
        for one in items
    ]


def read(kind: str, folder: Path, **options: Any) -> Any:
    files = {"folder": folder, "file": folder / "questions.json"}
    return make("source", component("source", kind, **options), files=files)


def easy(folder: Path, rows: Any, **options: Any) -> Any:
    """A folder as easy-VQA has it."""
    for number in range(2):
        image(folder, f"images/{number}.png", drawn(colour=number))
    image(folder, "images/2.png", NO_IMAGE)
    (folder / "questions.json").write_text(json.dumps(rows))
    given = {"questions": "questions.json", "images": "images/{}.png"} | options
    given.setdefault("fields", {"input": 0, "target": 1, "image": 2})
    return read("image-folder", folder, path="folder", **given)


ROWS = [
    ["what color is the shape?", "blue", 0],
    ["what color is the shape?", "blue", 0],
    ["is there a circle?", "no", 0],
    ["what color is the shape?", "red", 1],
    ["is it a photo?", "no", 2],
    ["is it a photo?", "no", 7],
]


def test_a_folder_of_images_with_questions(tmp_path: Path) -> None:
    source = easy(tmp_path, ROWS)
    items = list(source.stream("all", 0))
    assert [item.target for item in items] == ["blue", "no", "red"]
    assert items[0].cluster == items[1].cluster != items[2].cluster
    assert len({item.id for item in items}) == 3
    assert source.skipped == {REPEATED: 1} and source.images.bad == {BAD: 2}
    assert source.images.content(items[2].images[0]) == drawn(colour=1)
    assert_golden("source", "image-folder", {1: "6cb06c230b705e2c"}, shown(items))


def test_columns_by_name_and_several_answers(tmp_path: Path) -> None:
    rows = [{"q": "which?", "a": ["two", "one", "two"], "file": "images/0.png", "k": "counting"}]
    fields = {"input": "q", "target": "a", "image": "file", "group": "k"}
    source = easy(tmp_path, rows, images="{}", fields=fields)
    (item,) = source.stream("counting", 0)
    assert item.target == "two" and item.golds == ("two", "one", "two")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["q", "a"]], "row 1 has too few columns"),
        ([{"0": "q"}], "row 1 has no column 2"),
        ([["q", None, 0]], "row 1 has"),
        ([3], "row 1 has"),
    ],
)
def test_a_row_that_is_none_is_told_with_its_number(rows: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=said):
        easy(tmp_path, rows)


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    image(tmp_path, "secret.png", drawn())
    inner = tmp_path / "inner"
    source = easy(inner, [["q", "a", "../../secret"]])
    assert not source.groups() and source.images.bad == {BAD: 1}
    with pytest.raises(StageError, match="outside of the folder"):
        easy(inner, [], questions="../questions.json")


def gqa(folder: Path, **options: Any) -> Any:
    """Files as GQA has them."""
    types = {"detailed": "existAttrC", "semantic": "attr", "structural": "verify"}
    rows: dict[str, Any] = {}
    for number, (asked, about, equivalent) in enumerate(
        [("Is it red?", "n1", ["0", "2"]), ("Who is it?", "n1", ["1"]), ("Is its colour red?", "n1", ["0", "2"]), ("Is it red?", "n2", ["3"]), ("Is it red?", "n3", ["4"])]
    ):  # fmt: skip
        rows[str(number)] = {
            "semantic": [], "entailed": [], "equivalent": equivalent, "question": asked, "imageId": about, "isBalanced": True,
            "groups": {"global": None, "local": "x"}, "answer": "no", "types": types, "fullAnswer": "No, it is not.",
        }  # fmt: skip
    image(folder, "images/n1.jpg", drawn("JPEG"))
    image(folder, "images/n2.jpg", drawn("JPEG", colour=9))
    image(folder, "images/n3.jpg", drawn("JPEG")[:200])
    (folder / "questions.json").write_text(json.dumps(rows))
    given = {"types": "detailed", "equivalent": False} | options
    files = {"file": folder / "questions.json", "folder": folder / "images"}
    return make(
        "source", component("source", "gqa", path="file", images="folder", **given), files=files
    )


def test_gqa(tmp_path: Path) -> None:
    source = gqa(tmp_path)
    items = list(source.stream("existAttrC", 0))
    assert [item.input for item in items] == ["Is it red?", "Who is it?", "Is it red?"]
    assert items[0].cluster == items[1].cluster != items[2].cluster
    assert source.skipped == {"equivalent questions": 1} and source.images.bad == {BAD: 1}
    assert_golden("source", "gqa", {1: "9e3674163d400cf5"}, shown(items))
    assert gqa(tmp_path, types="structural").groups() == ["verify"]
    assert len(gqa(tmp_path, equivalent=True).items) == 4


def natural(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Any:
    """Files as NaturalBench has them."""
    import pyarrow
    import pyarrow.parquet

    folder.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "train-0.parquet")
    return read("naturalbench", folder, path="folder", **{"instructs": True} | options)


def natural_row(index: int, kind: str, answers: str, second: bytes | None = None) -> dict[str, Any]:
    images = [drawn(colour=2 * index), second or drawn(colour=2 * index + 1)]
    names = ["Image_0_Question_0", "Image_1_Question_0", "Image_0_Question_1", "Image_1_Question_1"]
    row: dict[str, Any] = {"Index": index, "Question_Type": kind, "Source": "made"}
    row |= {
        f"Image_{number}": {"bytes": content, "path": None} for number, content in enumerate(images)
    }
    row |= {f"Question_{number}": f"Is it {number}?" for number in (0, 1)}
    return row | dict(zip(names, answers.split(), strict=True))


def test_naturalbench(tmp_path: Path) -> None:
    rows = [
        natural_row(0, "yes_no", "Yes No No Yes"),
        natural_row(1, "multiple_choice", "A B B A"),
        natural_row(2, "yes_no", "Yes No No Yes", NO_IMAGE),
    ]
    source = natural(tmp_path, rows)
    assert source.groups() == ["multiple_choice", "yes_no"] and source.images.bad == {BAD: 1}
    items = list(source.stream("yes_no", 0))
    assert [item.target for item in items] == ["Yes", "No", "No", "Yes"]
    assert {item.cluster for item in items} == {"naturalbench-0"}
    assert [item.input for item in items[::2]] == [
        f"Is it {number}? Please answer Yes or No." for number in (0, 1)
    ]
    assert items[0].images == items[2].images != items[1].images == items[3].images
    assert items[0].verifier == {"answer": "Yes", "choices": ["yes", "no"]}
    assert_golden("source", "naturalbench", {1: "d15d14addf1c6925"}, shown(source.items))
    assert natural(tmp_path, rows, instructs=False).items[0].input == "Is it 0?"


def test_a_row_that_naturalbench_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="row 1 is not as NaturalBench has it: 'C' is no answer"):
        natural(tmp_path, [natural_row(0, "yes_no", "C No No Yes")])
    (tmp_path / "train-0.parquet").write_bytes(b"none")
    with pytest.raises(StageError, match="cannot be read"):
        read("naturalbench", tmp_path, path="folder", instructs=True)
    (tmp_path / "train-0.parquet").unlink()
    with pytest.raises(StageError, match="has no Parquet file"):
        read("naturalbench", tmp_path, path="folder", instructs=True)
