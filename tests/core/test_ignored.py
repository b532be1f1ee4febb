"""A contract with DVC: what `core.ignored` leaves out is what the installed DVC leaves out."""

import itertools
from pathlib import Path

import pytest
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter

from dataenvgym_spec.core.ignored import Ignored
from dataenvgym_spec.store.dvc.hashes import Hashes

FILES = (
    "data/a.bin",
    "data/a.txt",
    "data/keep/a.bin",
    "data/tmp/a.txt",
    "data/tmp/deep/b.txt",
    "data/#odd",
    "data/.git/config",
    "data/.git/objects/x",
    "data/sub/.git",
    "data/sub/.hg/store",
    "data/sub/c.txt",
    "data/other/.dvc/config",
    "data/other/d.txt",
    "top.txt",
)
RULES = {
    "nothing": {},
    "by suffix": {"": "*.bin\n"},
    "kept again": {"": "*.bin\n!data/keep/a.bin\n"},
    "a folder at any depth": {"": "tmp/\n"},
    "a folder at one place": {"": "/data/tmp\n"},
    "its content, less one": {"": "data/*\n!data/keep\n"},
    "two stars": {"": "**/tmp/**\n"},
    "comments and blanks": {"": "# a comment\n\n   *.bin   \n"},
    "of a folder": {"data": "/tmp\na.bin\n"},
    "of a folder, kept again": {"": "*.bin\n", "data": "!a.bin\n"},
    "of a folder, deep": {"data": "sub/c.txt\n**/deep\n"},
    "of a folder, escaped": {"data": "\\#odd\n"},
    "a whole folder": {"": "data/\n"},
    "an ignored rule file": {"": "/data/.dvcignore\n", "data": "a.txt\n"},
}


def filled(root: Path, rules: dict[str, str]) -> Path:
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    for folder, text in rules.items():
        (root / folder / ".dvcignore").write_text(text, encoding="utf-8")
    return root


def seen_by_dvc(root: Path, folder: Path) -> set[str]:
    rules = DvcIgnoreFilter(LocalFileSystem(), str(root))
    found = rules.find(LocalFileSystem(), str(folder))
    return {Path(path).relative_to(root).as_posix() for path in found}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_what_is_left_out_is_what_dvc_leaves_out(tmp_path: Path, rules: dict[str, str]) -> None:
    root = filled(tmp_path, rules)
    ignored = Ignored(root)
    everything = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    for folder in (root, root / "data", root / "data" / "sub"):
        below = {name for name in everything if (root / name).is_relative_to(folder)}
        kept = {name for name in below if not ignored.whole(name)}
        assert kept == seen_by_dvc(root, folder), folder


def test_rules_of_any_two_files_agree_with_dvc(tmp_path: Path) -> None:
    lines = ("*.bin", "!*.bin", "tmp", "sub/*", "!c.txt", "a.*")
    for number, (one, two, inner) in enumerate(itertools.product(lines, lines[1:4], lines[2:])):
        root = filled(tmp_path / str(number), {"": f"{one}\n{two}\n", "data": f"{inner}\n"})
        ignored = Ignored(root)
        kept = {name for name in FILES if not ignored.whole(name)}
        assert kept == seen_by_dvc(root, root) - {".dvcignore", "data/.dvcignore"}, (
            one,
            two,
            inner,
        )


def test_the_hash_of_a_folder_is_dvcs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    root = filled(tmp_path, {"": "*.bin\n/data/tmp\n"})
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "e.txt").write_text("e", encoding="utf-8")
    # DVC follows a link to a file, and none to a folder.
    (root / "data" / "file").symlink_to(root / "top.txt")
    (root / "data" / "folder").symlink_to(root / "elsewhere")
    with Repo.init(str(root), no_scm=True) as repo:
        stage = repo.stage.create(
            single_stage=True, cmd="true", fname="x.dvc", deps=["data"], outs=["out"]
        )
        stage.save_deps()
        assert Hashes(root).of("data") == stage.deps[0].hash_info.value
