"""Every broken spec is told where and why. Each case is an edit of the small spec and what must be said about it."""

import re
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower, warnings
from dataenvgym_spec.core.errors import CODES, Diagnostic, SpecError
from tests.support.graphs import findings
from tests.support.specs import TINY

CASES = {
    "a misspelt key": ("iterations: 2", "iteration: 2", "E102", "  iteration: 2", "did you mean 'iterations'?"),
    "a missing key": ("  iterations: 2\n", "", "E104", "loop:", "add 'iterations:'"),
    "a wrong type": ("iterations: 2", "iterations: two", "E103", "  iterations: two", "How often"),
    "a fraction for a count": ("iterations: 2", "iterations: 2.5", "E103", "  iterations: 2.5", "How often"),
    "a boolean for a number": ("examples: 30", "examples: true", "E103", "  teach: {examples: true", "Accepted examples"),
    "a value out of bounds": ("iterations: 2", "iterations: 0", "E106", "  iterations: 0", "How often"),
    "an unknown component": ("policy: {kind: allocate", "policy: {kind: alocate", "E105", "  policy: {kind: alocate", "did you mean 'allocate'?"),
    "an unknown check": ("overlap: {action", "overlop: {action", "E105", "  checks: {scorable", "did you mean 'overlap'?"),
    "an unknown option": ("floor: 0.2", "flor: 0.2", "E102", "  policy:", "did you mean 'floor'?"),
    "an environment that is not there": ("environment: skill-list", "environment: skill-forest", "E106", "environment:", "did you mean 'skill-tree'?"),
    "a name that is no DVC name": ("name: tiny", "name: my experiment", "E106", "name: my", "letters, digits"),
    "an arm's name that is none": ("  no-state:", "  no state:", "E106", "  no state:", "letters, digits"),
    "an unknown source": ("test: {from: problems", "test: {from: problem", "E201", "    test:", "did you mean 'problems'?"),
    "an unknown teacher": ("teacher: generator", "teacher: writer", "E201", "  engine:", "generator"),
    "an unknown arm in a contrast": ("against: no-state", "against: nostate", "E201", "  contrasts:", "did you mean 'no-state'?"),
    "a family that is not there": ("examples: {sum: 60}", "examples: {sums: 60}", "E201", "    pretrain:", "did you mean 'sum'?"),
    "shares beyond the whole": ("feedback: {from: problems,", "feedback: {from: problems, share: 0.9,", "E202", "  splits:", "at most 0.95"),
    "a template that is not there": ("prompts/tiny.j2", "prompts/none.j2", "E203", "  prompt:", "relative to the spec"),
    "a template outside the repository": ("prompts/tiny.j2", "../../../etc/hostname", "E203", "  prompt:", "inside the repository"),
    "a file name that DVC would expand": ("prompts/tiny.j2", "'${x}.j2'", "E203", "  prompt:", "relative to the spec"),
    "a template that is no Jinja": ("prompts/tiny.j2", "prompts/bad.j2", "E203", "  prompt:", "correct the template"),
    "a built-in template that is not there": ("prompts/tiny.j2", "'builtin:none'", "E203", "  prompt:", "builtin:question"),
    "two lengths": ("train: {length: {steps: 6}", "train: {length: {steps: 6, epochs: 1}", "E106", "  train:", "steps"),
    "heads that do not fit": ("heads: 2", "heads: 3", "E204", "    hidden_size: 32", "multiple"),
    "a negative run seed": ("arms:", "seeds: {run: -1}\narms:", "E106", "seeds:", "reference"),
    "a run seed beyond 31 bits": (
        "arms:",
        "seeds: {run: [1, 4294967296]}\narms:",
        "E106",
        "seeds:",
        "reference",
    ),
    "a run seed twice": ("arms:", "seeds: {run: [1, 1]}\narms:", "E204", "seeds:", "once"),
    "nothing where a mapping is": ("student:\n  model:", "student: 3\nx:\n  model:", "E103", "student: 3", "model"),
    "a secret-looking unknown key": ("generator: {kind: procedural,", "generator: {api_key: x, kind: procedural,", "E102", "  generator:", "source"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_with_place_and_remedy(name: str, tmp_path: Path) -> None:
    old, new, code, line, help = CASES[name]
    assert old in TINY
    found = findings(tmp_path, TINY.replace(old, new, 1))
    mine = [
        item
        for item in found
        if item.code == code and item.span is not None and item.span.text.startswith(line)
    ]
    assert mine, [item.render() for item in found]
    assert any(help in item.help for item in mine), [item.render() for item in mine]


def test_the_small_spec_has_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path, TINY) == ()


def test_all_findings_are_reported_at_once_in_order_and_once(tmp_path: Path) -> None:
    text = (
        TINY.replace("iterations: 2", "iteration: 2")
        .replace("floor: 0.2", "flor: 0.2")
        .replace("name: tiny", "name: 1")
    )
    found = findings(tmp_path, text)
    assert {item.code for item in found} >= {"E102", "E104", "E103"}
    assert list(found) == sorted(set(found), key=Diagnostic.order)
    assert sum("flor" in item.message for item in found) == 1


def test_form_names_files_and_arms_are_told_together(tmp_path: Path) -> None:
    text = (
        TINY.replace("power: 1.0", "power: strong")
        .replace("prompts/tiny.j2", "prompts/none.j2")
        .replace("test: {from: problems", "test: {from: problem")
    )
    text = text.replace(
        "no-state: {agent: {observe: nothing}}",
        "no-state: {agent: {observe: nothing, engine: {corrupt: 7}}}",
    )
    found = findings(tmp_path, text.replace("against: no-state", "against: nostate"))
    assert {item.code for item in found} == {"E103", "E201", "E203", "E106"}
    assert len([item for item in found if item.code == "E201"]) == 2
    assert len(found) == 5, [item.render() for item in found]


def test_unknown_names_and_missing_files_hide_no_meaning(tmp_path: Path) -> None:
    text = (
        TINY.replace("prompts/tiny.j2", "prompts/none.j2")
        .replace("teacher: generator", "teacher: writer")
        .replace("heads: 2", "heads: 3")
    )
    found = findings(
        tmp_path,
        text.replace("feedback: {from: problems,", "feedback: {from: problems, share: 0.9,"),
    )
    assert [item.code for item in found] == ["E202", "E204", "E203", "E201"]


def test_what_follows_from_a_mistake_is_not_told_beside_it(tmp_path: Path) -> None:
    cases = {
        "teachers:\n": "teacher:\n",  # so the engine's teacher is unknown
        "    problems:\n": "    problem:\n",  # one name to correct, though many places use it
        "kind: reasoning-gym\n": "kind: reasoning-gim\n",  # so its families are unknown
        "prompts/tiny.j2": "prompts/bad.j2",
    }
    codes = {
        old: [item.code for item in findings(tmp_path, TINY.replace(old, new, 1))]
        for old, new in cases.items()
    }
    assert codes["teachers:\n"] == ["E102"]
    assert set(codes["    problems:\n"]) == {"E201"}
    assert codes["kind: reasoning-gym\n"] == ["E105"]
    assert codes["prompts/tiny.j2"] == ["E203"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  generator: {kind: procedural, source: problems}\n", "  generator: procedural\n"),
        ("score: {kind: reasoning-gym}", "score: exact-match"),
        ("policy: {kind: allocate, power: 1.0, floor: 0.2}", "policy: allocate"),
        ("overlap: {action: reject}", "overlap: reject"),
        ("examples: 30", "examples: 0.7"),
        ("examples: 30", "examples: -0.5"),
        ("learning_rate: 1e-3", "learning_rate: fast"),
        ("  no-state: {agent: {observe: nothing}}", "  no-state: {agent: {policy: allocate}}"),
    ],
)
def test_a_wrong_value_is_one_error(old: str, new: str, tmp_path: Path) -> None:
    """Whatever follows from it, of each kind that a component could be and of each bound."""
    assert old in TINY
    assert [item.code for item in findings(tmp_path, TINY.replace(old, new))] == ["E103"]


def test_a_key_written_twice_hides_nothing_else(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        TINY.replace("iterations: 2\n", "iterations: 2\n  iterations: 3\n")
        .replace("floor: 0.2", "flor: 0.2")
        .replace("  ties: earliest\n", ""),
    )
    assert [item.code for item in found] == ["E102", "E101"]
    (tmp_path / "base.yaml").write_text(
        TINY.replace("name: tiny", "name: tiny\nname: again"), encoding="utf-8"
    )
    found = findings(tmp_path, "extends: base.yaml\nloop: {iteration: 2}\n")
    assert {(item.code, item.span.file) for item in found} == {
        ("E101", "base.yaml"),
        ("E102", "spec.yaml"),
    }


def test_a_parent_that_is_missing_hides_no_mistake_of_the_child(tmp_path: Path) -> None:
    found = findings(tmp_path, "extends: [none.yaml, bad.yaml]\nloop: {iteration: 2}\n")
    assert [item.code for item in found] == ["E203", "E203", "E102"]
    (tmp_path / "bad.yaml").write_text("a: [1\n", encoding="utf-8")
    assert {
        item.code for item in findings(tmp_path, "extends: bad.yaml\nloop: {iteration: 2}\n")
    } == {"E002", "E102"}


def test_a_wrong_matrix_or_setting_hides_no_mistake_elsewhere(tmp_path: Path) -> None:
    found = findings(
        tmp_path, TINY.replace("floor: 0.2", "flor: 0.2") + "matrix: {student..rate: [1]}\n"
    )
    assert [item.code for item in found] == ["E102", "E106"]
    with pytest.raises(SpecError) as caught:
        front_end([tmp_path / "spec.yaml"], root=tmp_path, sets=["nothing", "=3"])
    assert [item.code for item in caught.value.diagnostics] == ["E106", "E106", "E102"]


def test_a_matrix_may_supply_what_a_spec_lacks(tmp_path: Path) -> None:
    """A point is judged as a whole; the spec alone need not be one."""
    assert (
        findings(
            tmp_path,
            TINY.replace("learning_rate: 1e-3, ", "")
            + "matrix: {student.train.learning_rate: [1e-3]}\n",
        )
        == ()
    )


ROWS = "".join(f'{{"q": "{n}", "a": "{n}", "c": "{n % 9}", "d": "{n % 5}"}}\n' for n in range(400))


ROWS_TWICE = {"one": ", group: d", "two": ""}


@pytest.mark.parametrize(
    ("test", "selection", "overlap"),
    [
        ("cluster: c", "cluster: c", False),
        ("cluster: c", "group: d, cluster: c", False),
        ("cluster: c", "cluster: d", True),
        ("cluster: c", "group: d", True),
        ("group: c", "group: d", False),
    ],
)
def test_splits_of_the_same_rows_by_different_columns_may_overlap(
    test: str, selection: str, overlap: bool, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_text(ROWS, encoding="utf-8")
    (tmp_path / "two.jsonl").write_text(ROWS, encoding="utf-8")
    sources = (
        f"    one: {{kind: jsonl, path: one.jsonl, fields: {{input: q, target: a, {test}}}}}\n"
    )
    sources += (
        f"    two: {{kind: jsonl, path: two.jsonl, fields: {{input: q, target: a, {selection}}}}}\n"
    )
    text = TINY.replace("  score:", f"{sources}  score:", 1)
    text = text.replace(
        "test: {from: problems, draw: {per_group: 6}", "test: {from: one, draw: {items: 6}"
    )
    text = text.replace(
        "selection: {from: problems, draw: {per_group: 4}",
        "selection: {from: two, draw: {items: 4}",
    )
    # By few clusters a share is often empty: that other seeds are tried is a warning.
    found = [item for item in findings(tmp_path, text) if item.severity == "error"]
    assert [item.code for item in found] == (["E202"] if overlap else []), [
        item.render() for item in found
    ]
    assert all("'test' and 'selection' may overlap" in item.message for item in found)


def test_specs_and_points_that_are_one_are_warned_of(tmp_path: Path) -> None:
    assert findings(tmp_path, TINY + "matrix: {loop.iterations: [1, 2]}\n") == ()
    (tmp_path / "other.yaml").write_text(
        TINY.replace("name: tiny", "name: other").replace("description: A", "description: Another"),
        encoding="utf-8",
    )
    (tmp_path / "else.yaml").write_text(
        TINY.replace("name: tiny", "name: else").replace("student: best", "student: last"),
        encoding="utf-8",
    )
    specs = front_end(
        [tmp_path / f"{name}.yaml" for name in ("spec", "other", "else")], root=tmp_path
    )
    (found,) = warnings(specs, lower(specs).graph)
    assert (found.code, found.span.file, "'tiny-iterations-2' and 'other'" in found.message) == (
        "W401",
        "other.yaml",
        True,
    )


def test_an_arm_is_told_about_where_it_was_written(tmp_path: Path) -> None:
    found = findings(
        tmp_path, TINY.replace("with-state: {}", "with-state: {agent: {engine: {corrupt: 7}}}")
    )
    (item,) = found
    assert item.span is not None
    assert "corrupt: 7" in item.span.text
    assert item.span.text[item.span.column - 1 :].startswith("7")


def test_the_form_of_a_diagnostic(tmp_path: Path) -> None:
    (_, item) = findings(tmp_path, TINY.replace("iterations: 2", "iteration: 2"))
    number = item.span.line
    assert item.render() == (
        f"spec.yaml:{number}:3: error[E102]: unknown key 'iteration' in 'loop'\n   |\n{number} |   iteration: 2\n   |   ^^^^^^^^^\n   = help: did you mean 'iterations'?"
    )


def test_every_code_that_is_reported_is_in_the_catalogue(tmp_path: Path) -> None:
    assert {case[2] for case in CASES.values()} <= set(CODES)


def test_a_split_larger_than_its_file_is_an_error_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"q": "1", "a": "1"}\n' * 5, encoding="utf-8")
    source = "other: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}"
    text = TINY.replace("  score:", f"    {source}\n  score:", 1).replace(
        "test: {from: problems", "test: {from: other", 1
    )
    (item,) = [found for found in findings(tmp_path, text) if found.code == "E202"]
    assert "asks for 6 items, but 'items.jsonl' has 5" in item.message


@pytest.mark.parametrize(
    "content",
    [b'[{"q": "1", "a": "1"}]', b'{"q": "1", "a": "\xe9"}\n', b"\xff\xfe1"],
    ids=["an array", "Latin-1", "UTF-16"],
)
def test_how_many_items_an_unreadable_file_has_is_not_guessed(
    tmp_path: Path, content: bytes
) -> None:
    """One cause is one error: the lines of a JSON array, say, are not its items."""
    (tmp_path / "items.jsonl").write_bytes(content)
    source = "other: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}"
    text = TINY.replace("  score:", f"    {source}\n  score:", 1).replace(
        "test: {from: problems", "test: {from: other", 1
    )
    (item,) = findings(tmp_path, text)
    assert (item.code, item.message.split(":")[0]) == ("E203", "'items.jsonl'")


@pytest.mark.parametrize(
    ("test", "selection", "feedback", "words"),
    [
        ("from: one, draw: {items: 150}", "from: two, draw: {items: 120}", "from: one, draw: {per_group: 30}", "ask for 420 items together, but 'rows.jsonl' has 400"),
        ("from: one, draw: {per_group: 30}", "from: one, draw: {per_group: 30}", "from: one, draw: {per_group: 25}", "ask for 85 items of '0' together, but"),
        ("from: one, draw: {items: 115}", "from: two, draw: {items: 115}", "from: one, draw: {per_group: 18}", ""),
    ],
)  # fmt: skip
def test_splits_that_each_can_be_drawn_and_not_together(
    test: str, selection: str, feedback: str, words: str, tmp_path: Path
) -> None:
    """Two sources of one file give its rows once; groups are counted by themselves."""
    (tmp_path / "rows.jsonl").write_text(ROWS, encoding="utf-8")
    sources = "".join(
        f"    {name}: {{kind: jsonl, path: rows.jsonl, fields: {{input: q, target: a{group}}}}}\n"
        for name, group in ROWS_TWICE.items()
    )
    text = TINY.replace("  score:", f"{sources}  score:", 1)
    for role, split in {"test": test, "selection": selection, "feedback": feedback}.items():
        text = re.sub(
            rf"( {role}: {{)from: problems, draw: {{per_group: \d}}",
            rf"\g<1>{split}, share: 0.3",
            text,
        )
    found = [item for item in findings(tmp_path, text) if item.code == "E202"]
    assert len(found) == (5 if " of " in words else 1 if words else 0), [
        item.render() for item in found
    ]
    for item in found:
        assert item.message.startswith("'test', 'selection' and 'feedback' ask for")
        assert item.span is not None
        assert item.span.text.startswith("    feedback:")
    assert any(words in item.message for item in found) or not words


def test_one_split_in_two_roles_is_counted_once(tmp_path: Path) -> None:
    shares = (
        TINY.replace("per_group: 6}", "per_group: 48}, share: 0.4")
        .replace("max_value: 30", "max_value: 10")
        .replace("examples: 30", "examples: 5")
    )
    again = re.sub(r"selection: {from[^}]*}}", "selection: {same_as: test}", shares)
    assert [item.code for item in findings(tmp_path, again)] == []
    whole = re.sub(
        r"selection: {from[^}]*}}",
        "selection: {from: problems, draw: {per_group: 48}, share: 0.4}",
        shares,
    )
    assert [item.code for item in findings(tmp_path, whole)] == ["E202"]


def test_two_experiments_with_one_name(tmp_path: Path) -> None:
    findings(tmp_path, TINY)
    (tmp_path / "other.yaml").write_text(TINY, encoding="utf-8")
    with pytest.raises(SpecError, match="E205"):
        front_end([tmp_path / "spec.yaml", tmp_path / "other.yaml"], root=tmp_path)
