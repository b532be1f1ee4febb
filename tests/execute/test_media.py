"""The files of images in ports: each once, found again in later stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.media import image_files, write_items
from dataenvgym_spec.graph.params import GateParams
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import FOLDER
from tests.support.images import drawn

ITEM = Item(id="1", input="What is it?", target="a ramp", group="all", cluster="1")


def context(folder: Path, port: str, *reads: Path) -> Context[Any]:
    """A stage with one port, which reads others."""
    (folder / port).mkdir(parents=True)
    ports = [PortRead(slot="items", port=path.name, path=path, key="k") for path in reads]
    return Context(
        key="k", params=GateParams(patience=1), reads=tuple(ports), files={}, out_folder=folder,
        log=folder, work=folder, say=print,
    )  # fmt: skip


def test_files_go_from_port_to_port_and_each_is_there_once(tmp_path: Path) -> None:
    images = Images()
    first, other = images.add(drawn()), images.add(drawn("JPEG"))
    assert first is not None and other is not None
    shown = [(first,), (first, other), ()]
    items = [msgspec.structs.replace(ITEM, images=pictures) for pictures in shown]
    drawing = context(tmp_path / "one", "test")
    write_items(drawing, "test", "items.jsonl", items, images)
    port = drawing.out_folder / "test"
    assert read_all(port / "items.jsonl", Item) == items
    assert {path.name for path in (port / FOLDER).iterdir()} == {
        Path(picture.file).name for picture in (first, other)
    }
    # A stage that reads it writes what its own rows show.
    later = context(tmp_path / "two", "accepted", port)
    write_items(later, "accepted", "examples.jsonl", items[:1])
    (kept,) = (later.out_folder / "accepted" / FOLDER).iterdir()
    assert kept.read_bytes() == drawn() == image_files(later)(first).read_bytes()
    with pytest.raises(StageError, match="whose file nobody has"):
        write_items(drawing, "test", "items.jsonl", items)


def test_a_port_without_images_has_no_folder_for_them(tmp_path: Path) -> None:
    drawing = context(tmp_path / "one", "test")
    write_items(drawing, "test", "items.jsonl", [ITEM], Images())
    assert [path.name for path in (drawing.out_folder / "test").iterdir()] == ["items.jsonl"]
