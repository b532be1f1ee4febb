"""A spec that was edited after it was compiled is said by whatever uses the old pipeline."""

from pathlib import Path

from dataenvgym_spec.results.edited import edited
from dataenvgym_spec.results.experiment import load
from tests.support.repositories import call
from tests.support.runs import executed, planned


def test_an_edited_spec_is_said_until_it_is_compiled(quick_copy: Path) -> None:
    repo = quick_copy
    assert call("dataenvgym", "status", cwd=repo).stderr == ""
    for name in ("specs/tiny.yaml", "specs/prompts/tiny.j2"):
        before = (repo / name).read_text(encoding="utf-8")
        (repo / name).write_text(f"{before}\n", encoding="utf-8")
        assert edited(load("tiny", repo)) == (name,)
        said = call("dataenvgym", "status", "tiny", cwd=repo).stderr
        assert f"{name} changed after 'dataenvgym compile'" in said
        said = call("dataenvgym", "report", "tiny", cwd=repo, ok=False).stderr
        assert f"{name} changed after" in said
        (repo / name).write_text(before, encoding="utf-8")
    assert edited(load("tiny", repo)) == ()
    (repo / "specs" / "tiny.yaml").rename(repo / "specs" / "moved.yaml")
    assert edited(load("tiny", repo)) == ("specs/tiny.yaml",)


def test_dvc_makes_the_report_of_an_edited_spec_again(quick_copy: Path) -> None:
    with (quick_copy / "specs" / "tiny.yaml").open("a", encoding="utf-8") as file:
        file.write("# a note\n")
    assert executed(quick_copy) == {""}
    assert executed(quick_copy) == set()
    call("dataenvgym", "compile", cwd=quick_copy)
    assert [row["kind"] for row in planned(quick_copy) if row["action"] != "reuse"] == ["report"]
    assert executed(quick_copy) == {""}
