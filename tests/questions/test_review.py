"""All studies of a repository compared with what they were."""

from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.questions.review import Side, StudyChange, review
from tests.support.specs import SMALL, TEMPLATE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sides")


def side(folder: Path, **texts: str) -> Side:
    root = folder / f"{len(list(folder.iterdir()))}"
    (root / "specs" / "prompts").mkdir(parents=True)
    (root / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    for name, text in texts.items():
        (root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    specs = front_end(sorted(root.glob("specs/*.yaml")), root=root)
    return Side(specs=specs, graph=lower(specs).graph)


def named(name: str, text: str = SMALL) -> str:
    return text.replace("name: tiny", f"name: {name}")


def rows(changes: tuple[StudyChange, ...]) -> list[tuple[str, str | None, str | None, bool]]:
    return [
        (change.path.removeprefix("specs/"), item.old, item.new, item.equal)
        for change in changes
        for item in change.differences
    ]


def test_each_is_compared_with_itself(folder: Path) -> None:
    old = side(folder, a=named("a"), b=named("b"), c=named("c"))
    new = side(folder, a=named("a"), b=named("b", SMALL.replace("0.2", "0.3")), d=named("d"))
    assert rows(review(old, new)) == [
        ("a.yaml", "a", "a", True),
        ("b.yaml", "b", "b", False),
        ("d.yaml", None, "d", False),
        ("c.yaml", "c", None, False),
    ]
    assert [change.equal for change in review(old, new)] == [True, False, False, False]


def test_one_that_moved_is_found_by_its_name_and_one_that_was_renamed_by_its_file(
    folder: Path,
) -> None:
    old = side(folder, a=named("a"), b=named("b"))
    moved = side(folder, a=named("a"), z=named("b"))
    assert rows(review(old, moved)) == [("a.yaml", "a", "a", True), ("z.yaml", "b", "b", True)]
    renamed = side(folder, a=named("first"), b=named("b"))
    assert rows(review(old, renamed))[0][:3] == ("a.yaml", "a", "first")


def test_points_of_a_sweep_come_and_go(folder: Path) -> None:
    def sweep(values: str) -> str:
        return SMALL + f"matrix: {{loop.teach.examples: [{values}]}}\n"

    old, new = side(folder, tiny=sweep("20, 30")), side(folder, tiny=sweep("30, 40"))
    (change,) = review(old, new)
    assert {(item.old, item.new, item.equal) for item in change.differences} == {
        ("tiny-examples-20", None, False),
        ("tiny-examples-30", "tiny-examples-30", True),
        (None, "tiny-examples-40", False),
    }


def test_where_there_was_nothing_all_is_new(folder: Path) -> None:
    nothing = Side(specs=(), graph=lower(()).graph)
    some = side(folder, a=named("a"))
    assert rows(review(nothing, some)) == [("a.yaml", None, "a", False)]
    assert rows(review(some, nothing)) == [("a.yaml", "a", None, False)]
    assert review(nothing, nothing) == ()
