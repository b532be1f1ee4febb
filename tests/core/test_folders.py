import os
from pathlib import Path

import pytest

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.folders import MOST, FolderFault, files_of


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"more")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        ".git/HEAD",
        ".git",
        "onnx/.git/HEAD",
        ".cache/huggingface/download/config.json.metadata",
        "__pycache__/modeling.cpython-311.pyc",
        "onnx/.DS_Store",
        ".ipynb_checkpoints/a.ipynb",
        ".dvc/config",
    ],
)
def test_what_programs_leave_behind_is_no_part_of_a_folder(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "model")
    contents = Contents(tmp_path)
    before = contents.digest(folder)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("123", encoding="utf-8")
    assert list(files_of(folder)) == ["config.json", "model.safetensors", "onnx/model.onnx"]
    assert contents.digest(folder) == before


def test_times_and_modes_and_the_place_of_a_folder_are_no_part_of_it(tmp_path: Path) -> None:
    one, other = model(tmp_path / "one"), model(tmp_path / "deep" / "other")
    os.utime(other / "config.json", (1, 1))
    (other / "config.json").chmod(0o755)
    (other / "empty").mkdir()
    assert Contents(tmp_path).digest(one) == Contents(tmp_path).digest(other)
    (other / "onnx" / "model.onnx").rename(other / "onnx" / "model2.onnx")
    assert Contents(tmp_path).digest(one) != Contents(tmp_path).digest(other)


def test_links_inside_are_what_they_lead_to(tmp_path: Path) -> None:
    plain, linked = model(tmp_path / "plain"), tmp_path / "linked"
    linked.mkdir()
    (linked / "config.json").symlink_to(plain / "config.json")
    (linked / "model.safetensors").symlink_to("../plain/model.safetensors")
    (linked / "onnx").symlink_to(plain / "onnx")
    contents = Contents(tmp_path)
    assert contents.digest(linked) == contents.digest(plain)


def test_a_link_that_leaves_the_repository_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "repo", model(tmp_path / "outside")
    for name, target in {
        "file": "/etc/hostname",
        "folder": str(outside),
        "up": "../../outside/config.json",
    }.items():
        folder = model(root / name)
        (folder / "onnx" / "link").symlink_to(
            target if target.startswith("/") else Path("..") / target
        )
        with pytest.raises(FolderFault, match="leaves the repository, 'onnx/link'"):
            Contents(root).digest(folder)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("token", encoding="utf-8")
    folder = model(root / "inner")
    (folder / "link").symlink_to(root / ".git" / "config")
    with pytest.raises(FolderFault, match="leaves the repository"):
        Contents(root).digest(folder)


def test_links_into_dvcs_cache_are_followed_wherever_it_is(tmp_path: Path) -> None:
    root, cache = tmp_path / "repo", tmp_path / "cache" / "files" / "md5" / "ab"
    folder = model(root / "model")
    before = Contents(root).digest(folder)
    cache.mkdir(parents=True)
    (folder / "model.safetensors").rename(cache / "cd")
    (folder / "model.safetensors").symlink_to(cache / "cd")
    with pytest.raises(FolderFault):
        Contents(root).digest(folder)
    (root / ".dvc").mkdir()
    config = f"[cache]\n    dir = {tmp_path / 'cache'}\n"
    (root / ".dvc" / "config.local").write_text(config, encoding="utf-8")
    assert Contents(root).digest(folder) == before


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    def fault(name: str, make: object) -> str:
        folder = model(tmp_path / name)
        make(folder)  # type: ignore[operator]
        with pytest.raises(FolderFault) as caught:
            Contents(tmp_path).digest(folder)
        assert caught.value.help
        return str(caught.value)

    assert "no ordinary file" in fault("pipe", lambda at: os.mkfifo(at / "pipe"))
    assert "link to nothing" in fault("gone", lambda at: (at / "gone").symlink_to("nowhere"))
    assert "circle" in fault("circle", lambda at: (at / "a").symlink_to("a"))
    assert "circle" in fault("above", lambda at: (at / "onnx" / "up").symlink_to("../.."))
    assert "circle" in fault("self", lambda at: (at / "onnx" / "up").symlink_to(at))
    assert "DVC refuses" in fault("rules", lambda at: (at / ".dvcignore").touch())
    assert "not UTF-8" in fault("bytes", lambda at: (at / os.fsdecode(b"\xff")).touch())


def test_links_that_multiply_are_stopped(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"{number}" / name).symlink_to(tmp_path / f"{number + 1}")
    model(tmp_path / "12")
    with pytest.raises(FolderFault, match=str(MOST)):
        Contents(tmp_path).digest(tmp_path / "0")


def test_what_dvc_ignores_is_no_part_of_a_folder(tmp_path: Path) -> None:
    folder = model(tmp_path / "models" / "mine")
    contents = Contents(tmp_path)
    before = contents.digest(folder)
    (folder / "notes.tmp").write_text("x", encoding="utf-8")
    assert Contents(tmp_path).digest(folder) != before
    (tmp_path / "models" / ".dvcignore").write_text("*.tmp\n", encoding="utf-8")
    assert Contents(tmp_path).digest(folder) == before
