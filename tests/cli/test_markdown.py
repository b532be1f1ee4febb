"""`dataenvgym diff --markdown`: what a change means, in a pull request; whatever a spec says does nothing there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.cli import markdown
from dataenvgym_spec.questions.diff import Difference
from dataenvgym_spec.questions.review import StudyChange
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import SMALL

Told = Callable[..., str]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with a commit."""
    repo = new_repo(tmp_path / "repo", SMALL)
    commit(repo)
    return repo


def commit(repo: Path) -> None:
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "x", cwd=repo)


def edit(repo: Path, old: str, new: str) -> None:
    path = repo / "specs" / "tiny.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def told(repo: Path, base: str = "HEAD") -> str:
    return call("dataenvgym", "diff", "--markdown", base, cwd=repo).stdout


def test_nothing_is_said_to_be_nothing(repo: Path) -> None:
    edit(repo, "version: 1", "version: 1  # a comment")
    said = told(repo)
    assert said.startswith(markdown.MARK)
    assert "Nothing in meaning, against `HEAD`: 1 experiment as before." in said


def test_values_stages_and_costs(repo: Path) -> None:
    edit(repo, "examples: 30", "examples: 40")
    (repo / "specs" / "second.yaml").write_text(SMALL.replace("tiny\n", "second\n", 1))
    said = told(repo)
    assert "Experiments, against `HEAD`: **1 changed, 1 new**." in said
    head, _, rest = said.partition("<summary><code>tiny</code>: ")
    assert re.match(r"\d+ of 15 stages made anew</summary>\n\n```text\n", rest)
    assert "<summary><code>second</code>: new, with 15 stages</summary>" in head
    assert "loop.teach.examples: 30 -> 40\n  HEAD:specs/tiny.yaml" in rest
    assert "estimated cost, low to high (no like stage was run here yet, so wide):" in rest
    commit(repo)
    (repo / "specs" / "second.yaml").unlink()
    assert "- `second` is gone, with 15 stages" in told(repo)


def test_the_working_tree_is_not_touched(repo: Path) -> None:
    edit(repo, "examples: 30", "examples: 40")
    before = call("git", "status", "--porcelain", cwd=repo).stdout
    told(repo)
    assert call("git", "status", "--porcelain", cwd=repo).stdout == before
    assert not list((repo / ".dataenvgym").glob("diff-*"))


def test_a_spec_that_could_not_be_read_any_more_holds_up_no_other(repo: Path) -> None:
    edit(repo, "environment: skill-list", "environment: was-there-once")
    (repo / "specs" / "fine.yaml").write_text(SMALL.replace("tiny\n", "fine\n", 1))
    commit(repo)
    edit(repo, "environment: was-there-once", "environment: skill-list")
    said = told(repo)
    assert "As they were at `HEAD`, these specs cannot be read any more:" in said
    assert "specs/tiny.yaml: E10" in said
    assert "1 new, 1 the same" in said


def test_a_repository_that_had_no_spec(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    text = (repo / "specs" / "tiny.yaml").read_text(encoding="utf-8")
    (repo / "specs" / "tiny.yaml").unlink()
    commit(repo)
    (repo / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    assert "against `HEAD`: **1 new**" in told(repo)


HOSTILE = [
    "```\n</details>\n# Approved by @everyone",
    "`````",
    "<script>alert(1)</script> <img src=http://there/x.png>",
    "![x](http://there/x.png) [link](javascript:alert(1)) #1 @somebody",
    "a\u202eb",
    "| a | b |\n|---|---|\n",
    "<!-- hidden -->",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_fence(text: str, repo: Path) -> None:
    spec = SMALL.replace("A spec small enough for a test.", "placeholder")
    quoted = "".join(
        f"\\u{ord(letter):04x}" if not letter.isprintable() else letter for letter in text
    )
    described = spec.replace("placeholder", '"' + quoted.replace('"', '\\"') + '"')
    assert described != spec
    (repo / "specs" / "tiny.yaml").write_text(described, encoding="utf-8")
    said = told(repo)
    assert outside(said) == outside(told_plainly(repo))
    assert all(letter.isprintable() or letter == "\n" for letter in said)


def told_plainly(repo: Path) -> str:
    edit_all = SMALL.replace("A spec small enough for a test.", "Another description.")
    (repo / "specs" / "tiny.yaml").write_text(edit_all, encoding="utf-8")
    return told(repo)


def outside(text: str) -> str:
    """What a reader of Markdown takes for text and HTML: all but the fences."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = re.match(r"(`{3,})(text)?$", line)
        if fence:
            # CommonMark: a fence ends with at least as many backticks.
            if mark and len(mark[1]) >= len(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            kept.append(line)
    assert not fence, "a fence without end"
    return "\n".join(kept)


def test_a_base_that_is_no_revision(repo: Path) -> None:
    def refused(*arguments: str) -> object:
        return call("dataenvgym", "diff", *arguments, cwd=repo, ok=False)

    expect_refusal(refused("--markdown", "none"), "no git revision 'none'")  # type: ignore[arg-type]
    expect_refusal(refused("--markdown", "HEAD", "x"), "one revision")  # type: ignore[arg-type]
    expect_refusal(refused("--markdown", "HEAD", "--json"), "one revision")  # type: ignore[arg-type]


def test_a_conflict_in_a_spec_is_told(repo: Path) -> None:
    edit(
        repo,
        "  iterations: 1",
        "<<<<<<< HEAD\n  iterations: 2\n=======\n  iterations: 3\n>>>>>>> x",
    )
    result = call("dataenvgym", "diff", "--markdown", "HEAD", cwd=repo, ok=False)
    expect_refusal(result, "E002", "git left a conflict here")
    assert result.stdout.startswith(f"{markdown.MARK}\n### What this changes\nThat is not known")
    assert "git left a conflict here" in result.stdout


def test_errors_stay_in_a_fence_and_fit_a_comment() -> None:
    said = markdown.unreadable("error: '``` @team'\n" * 100)
    assert said.count("````text\n") == 1 and said.endswith("... and 40 more lines\n````\n")
    assert "@team" not in outside(said)
    for letter in ("x", "\x1b", "`"):
        assert len(markdown.unreadable(f"{letter * 100_000}\n" * 100)) <= markdown.LONGEST


def test_a_long_one_is_cut_to_what_a_comment_may_hold() -> None:
    def change(number: int) -> StudyChange:
        name = f"experiment-{number}"
        item = Difference(old=None, new=name, added=("a",), total=10)
        return StudyChange(path="specs/x.yaml", differences=(item,))

    many = markdown.text("main", [change(number) for number in range(100)], {}, {})
    assert many.count("<details>") == markdown.MOST_SHOWN
    assert "- `experiment-99`" in many
    costs = {f"experiment-{number}": ["x" * 500] * 100 for number in range(20)}
    cut = markdown.text("main", [change(number) for number in range(20)], costs, {})
    assert len(cut) <= markdown.LONGEST
    assert cut.endswith(markdown.CONTINUED) and cut.count("<details>") == cut.count("</details>")
    huge = markdown.text("main", [change(0)], {"experiment-0": ["x" * 500] * 1000}, {})
    assert len(huge) <= markdown.LONGEST and "<details>" not in huge
