"""`dataenvgym explain SPEC PATH`: the text it prints, with the place and the part of everyone who set a value."""

from pathlib import Path

from tests.support.repositories import call

PARENT = "extends: tiny.yaml\nloop:\n  teach:\n    examples: 40\n    refill: null\n    of: null\n"
CHILD = """\
extends: parent.yaml
name: child
loop:
  teach: {examples: 50, refill: 2}
matrix:
  loop.teach.refill: [0]
arms:
  no-state: null
  with-state:
    loop: {teach: {examples: 60}}
analysis: null
"""
SAID = f"""\
loop.teach.examples = 70
  --set:1:21                               70               holds
  specs/child.yaml:10:30                   60               overridden  (arm with-state)
  specs/child.yaml:4:21                    50               overridden
  specs/parent.yaml:4:15                   40               overridden
  specs/tiny.yaml:39:21                    30               overridden
loop.teach.of = accepted
  specs/parent.yaml:6:9                    null             removes
  specs/tiny.yaml:39:29                    accepted         overridden
  {"default":40}
loop.teach.refill = 0
  specs/child.yaml:6:23                    0                holds  (matrix refill-0)
  specs/child.yaml:4:33                    2                overridden
  specs/parent.yaml:5:13                   null             overridden
  specs/tiny.yaml:39:47                    1                overridden
"""


def test_everyone_who_set_a_value_is_told_with_line_and_column(repo: Path) -> None:
    """Through grandparent, parent, child, matrix, arm and --set; no value has all six, as what the matrix varies nobody else may set (E208)."""
    (repo / "specs" / "parent.yaml").write_text(PARENT, encoding="utf-8")
    (repo / "specs" / "child.yaml").write_text(CHILD, encoding="utf-8")
    explain = ("dataenvgym", "explain", "child", "loop.teach", "--set", "loop.teach.examples=70")
    assert call(*explain, cwd=repo).stdout == SAID
    assert (
        "error[E208]" in call(*explain, "--set", "loop.teach.refill=3", cwd=repo, ok=False).stderr
    )
    lines = {
        name: (repo / name).read_text(encoding="utf-8").split("\n")
        for name in ("specs/child.yaml", "specs/parent.yaml", "specs/tiny.yaml")
    }
    for place, value in [
        row.split()[:2] for row in SAID.splitlines() if row.startswith("  specs/")
    ]:
        file, line, column = place.split(":")
        assert lines[file][int(line) - 1][int(column) - 1 :].startswith(value), place
