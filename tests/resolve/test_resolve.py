"""Putting specs together: `extends`, `matrix`, arms and `--set`, with the origin of every value."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import front_end, lower, warnings
from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.language.source import Node, parse
from dataenvgym_spec.questions.explain import explain, resolved
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.merge import LONGEST_PATH, difference, merge, parse_path, show_path
from tests.support.specs import TEMPLATE, TINY


def repo(folder: Path, **texts: str) -> Path:
    """Files in a folder, `a__b` for `a/b`; each is a YAML spec."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in {folder, *(path.parent for path in folder.rglob("*.yaml"))}:
        (path / "prompts").mkdir(exist_ok=True)
        (path / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    return folder


def resolve(folder: Path, name: str = "spec", *sets: str) -> tuple[Resolved, ...]:
    return front_end([folder / f"{name}.yaml"], root=folder, sets=sets)


def keys(specs: tuple[Resolved, ...]) -> set[str]:
    return {stage.id for stage in lower(specs).graph.stages}


def complaints(folder: Path, name: str = "spec", *sets: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        resolve(folder, name, *sets)
    return caught.value.diagnostics


# --- merging ----------------------------------------------------------------------------------------------------------


def merged(*texts: str) -> object:
    trees = [parse(text, file="x") for text in texts]
    result = trees[0]
    for tree in trees[1:]:
        result = merge(result, tree)
    return result.plain()


@pytest.mark.parametrize(
    ("below", "above", "result"),
    [
        ("a: {b: 1, c: 2}", "a: {c: 3}", {"a": {"b": 1, "c": 3}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        ("a: {b: 1}", "a: {b: null}", {"a": {}}),
        ("a: {kind: x, b: 1}", "a: {kind: y, c: 2}", {"a": {"kind": "y", "c": 2}}),
        ("a: {kind: x, b: 1}", "a: {kind: x, c: 2}", {"a": {"kind": "x", "b": 1, "c": 2}}),
        ("a: {b: 1}", "a: word", {"a": "word"}),
        ("a: {length: {steps: 3}}", "a: {length: {epochs: 1}}", {"a": {"length": {"epochs": 1}}}),
        ("a: {draw: {items: 3}}", "a: {draw: {per_group: 1}}", {"a": {"draw": {"per_group": 1}}}),
    ],
)
def test_mappings_merge_deep_lists_and_kinds_replace_and_null_removes(
    below: str, above: str, result: object
) -> None:
    assert merged(below, above) == result


def node(value: object) -> Node:
    span = Span(file="x", line=1, column=1, end_column=2)
    if isinstance(value, dict):
        return Node(value={key: node(child) for key, child in value.items()}, span=span)
    return Node(value=tuple(map(node, value)) if isinstance(value, list) else value, span=span)


TREES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b", "length", "draw"]), inner, max_size=3)
        | st.fixed_dictionaries(
            {"kind": st.sampled_from(["x", "y"])}, optional={"a": inner, "b": inner}
        )
    ),
    max_leaves=12,
)


@given(
    below=st.dictionaries(st.sampled_from("abc"), TREES),
    above=st.dictionaries(st.sampled_from("abc"), TREES),
)
def test_the_difference_of_two_trees_merges_to_the_second(
    below: dict[str, object], above: dict[str, object]
) -> None:
    assert merge(node(below), node(difference(below, above))).plain() == above


@given(
    st.lists(
        st.text(st.characters(exclude_characters='"', exclude_categories=("Cs",)), min_size=1),
        min_size=1,
        max_size=LONGEST_PATH,
    )
)
def test_a_path_reads_as_it_is_shown(steps: list[str]) -> None:
    assert parse_path(show_path(tuple(steps))) == tuple(steps)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '"a', 'a"b"'])
def test_what_is_no_path_is_none(text: str) -> None:
    assert parse_path(text) is None


# --- extends ----------------------------------------------------------------------------------------------------------


def test_a_spec_that_extends_another_has_the_same_keys_as_one_that_says_all(tmp_path: Path) -> None:
    child = "extends: base/tiny.yaml\nloop: {iterations: 3}\nname: child\n"
    repo(
        tmp_path, base__tiny=TINY, spec=child, whole=TINY.replace("iterations: 2", "iterations: 3")
    )
    assert keys(resolve(tmp_path)) == keys(resolve(tmp_path, "whole"))
    assert set(resolve(tmp_path)[0].inputs) == {
        "spec.yaml",
        "base/tiny.yaml",
        "base/prompts/tiny.j2",
    }


def test_parents_merge_in_order_and_each_file_once(tmp_path: Path) -> None:
    repo(
        tmp_path,
        root=TINY,
        left="extends: root.yaml\nloop: {iterations: 5}\nstudent: {train: {batch_size: 8}}\n",
        right="extends: root.yaml\nstudent: {train: {batch_size: 4}}\n",
        spec="extends: [left.yaml, right.yaml]\nname: both\n",
    )
    (spec,) = resolve(tmp_path)
    # `right` does not bring the root's `iterations` back over what `left` says.
    assert (spec.base.loop.iterations, spec.base.student.train.batch_size) == (5, 4)
    assert [layer.name for layer in spec.arms[0].layers][:4] == [
        "root.yaml",
        "left.yaml",
        "right.yaml",
        "spec.yaml",
    ]


def test_an_error_in_a_parent_points_there_and_tells_the_chain_once(tmp_path: Path) -> None:
    repo(
        tmp_path,
        root=TINY.replace("floor: 0.2", "flor: 0.2"),
        mid="extends: root.yaml\n",
        spec="name: a\nextends: mid.yaml\n",
        other="extends: mid.yaml\nname: b\n",
    )
    (found,) = complaints(tmp_path)
    assert (found.code, found.span.file) == ("E102", "root.yaml")
    assert found.notes == (
        "inherited through 'extends' at mid.yaml:1:10",
        "inherited through 'extends' at spec.yaml:2:10",
    )
    assert "  = note: inherited through 'extends' at spec.yaml:2:10\n" in found.render()
    with pytest.raises(SpecError) as caught:
        front_end([tmp_path / "spec.yaml", tmp_path / "other.yaml"], root=tmp_path)
    (found,) = caught.value.diagnostics
    assert len(found.notes) == 3


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("extends: none.yaml\n", "E203", "does not exist"),
        ("extends: [spec.yaml]\n", "E207", "circle: spec.yaml -> spec.yaml"),
        ("extends: loop.yaml\n", "E207", "circle: spec.yaml -> loop.yaml -> spec.yaml"),
        ("extends: ../../etc/passwd\n", "E203", "outside the repository"),
        ("extends: {a: b}\n", "E103", "a file or a list"),
        ("extends: [3]\n", "E103", "a file or a list"),
        ("extends: list.yaml\n", "E103", "a spec is a mapping"),
    ],
)
def test_a_parent_that_cannot_be_followed_is_told(
    text: str, code: str, words: str, tmp_path: Path
) -> None:
    repo(tmp_path, spec=text, loop="extends: spec.yaml\n", list="- 1\n")
    (found,) = complaints(tmp_path)
    assert (found.code, words in found.message) == (code, True), found.render()
    assert found.help
    assert found.span.line == 1


def test_a_missing_key_of_a_spec_with_parents_is_told_at_the_spec(tmp_path: Path) -> None:
    repo(tmp_path, base=TINY.replace("environment: skill-list\n", ""), spec="extends: base.yaml\n")
    (found,) = complaints(tmp_path)
    assert (found.code, found.span.file) == ("E104", "spec.yaml")


def test_paths_in_a_parent_are_relative_to_the_parent(tmp_path: Path) -> None:
    repo(tmp_path, deep__down__base=TINY, spec="extends: deep/down/base.yaml\n")
    (tmp_path / "prompts" / "tiny.j2").write_text("another {{ input }}", encoding="utf-8")
    assert resolve(tmp_path)[0].base.student.prompt.template == TEMPLATE
    assert (
        resolve(tmp_path, "spec", "student.prompt.template=prompts/tiny.j2")[
            0
        ].base.student.prompt.template
        == "another {{ input }}"
    )


# --- matrix -----------------------------------------------------------------------------------------------------------

SWEEP = (
    TINY
    + "matrix:\n  student.train.learning_rate: [1e-3, 3e-4]\n  agent.policy: [{kind: allocate, floor: 0.5}, {kind: allocate, floor: 1}]\n"
)


def test_a_grid_is_an_experiment_for_each_combination(tmp_path: Path) -> None:
    specs = resolve(repo(tmp_path, spec=SWEEP))
    assert specs[0].base.name.startswith("tiny-learning_rate-0_001-policy-allocate-")
    assert len({spec.base.name for spec in specs}) == 4
    assert [
        (spec.base.student.train.learning_rate, spec.base.agent.policy["floor"]) for spec in specs
    ] == [(1e-3, 0.5), (1e-3, 1), (3e-4, 0.5), (3e-4, 1)]
    assert {spec.sweep for spec in specs} == {"tiny"}
    compiled = lower(specs)
    assert len(compiled.graph.stages) < 0.75 * compiled.unshared
    assert sum(stage.kind == "student" for stage in compiled.graph.stages) == 1


def test_a_point_has_the_keys_of_a_spec_that_says_the_same(tmp_path: Path) -> None:
    repo(
        tmp_path,
        spec=TINY + "matrix: {student.train.learning_rate: [5e-4]}\n",
        plain=TINY.replace("learning_rate: 1e-3", "learning_rate: 5e-4"),
    )
    assert keys(resolve(tmp_path)) == keys(resolve(tmp_path, "plain"))


def test_a_list_of_points_has_names_and_several_paths_each(tmp_path: Path) -> None:
    text = (
        TINY
        + "matrix:\n  - {name: small, loop.iterations: 1}\n  - {arms.with-state.agent.policy.floor: 0.7, seeds.run: [3, 4]}\n"
    )
    small, other = resolve(repo(tmp_path, spec=text))
    assert (small.base.name, small.base.loop.iterations) == ("tiny-small", 1)
    assert other.base.seeds.runs() == (3, 4)
    assert {arm.name: arm.experiment.agent.policy["floor"] for arm in other.arms} == {
        "with-state": 0.7,
        "no-state": 0.2,
    }


def test_adding_a_value_renames_no_other_point(tmp_path: Path) -> None:
    before = resolve(repo(tmp_path, spec=TINY + "matrix: {loop.iterations: [1, 3]}\n"))
    after = resolve(repo(tmp_path, spec=TINY + "matrix: {loop.iterations: [1, 2, 3]}\n"))
    assert {spec.base.name for spec in before} < {spec.base.name for spec in after}


@pytest.mark.parametrize(
    ("matrix", "code", "words", "column"),
    [
        ("{student.train.learning_rat: [1e-3]}", "E102", "did you mean 'learning_rate'?", 10),
        ("{student.train.learning_rate: []}", "E106", "student.train.learning_rate", 39),
        ("{}", "E106", "matrix", 9),
        ("[]", "E106", "matrix", 9),
        ("{student.train.learning_rate: 1e-3}", "E103", "a list", 39),
        ("{student..rate: [1]}", "E106", "is no path", 10),
        ("{name: [a, b]}", "E204", "cannot vary 'name'", 10),
        ("{loop.iterations: [1, two]}", "E103", "must be a whole number", 31),
        (
            "[{name: a, loop.iterations: 1}, {name: a, loop.iterations: 2}]",
            "E208",
            "called 'a'",
            None,
        ),
        ("[{name: a}]", "E206", "sets nothing", 10),
        ("[{name: a b, loop.iterations: 1}]", "E106", "not allowed", None),
        (
            "{"
            + ", ".join(f"student.train.x{n}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" for n in range(5))
            + "}",
            "E206",
            "more than 10000",
            9,
        ),
    ],
)
def test_a_matrix_that_cannot_be_expanded_is_told(
    matrix: str, code: str, words: str, column: int | None, tmp_path: Path
) -> None:
    found = complaints(repo(tmp_path, spec=TINY + f"matrix: {matrix}\n"))
    mine = [item for item in found if item.code == code and words in item.message + item.help]
    assert mine, [item.render() for item in found]
    assert column in (None, mine[0].span.column)
    assert mine[0].span.text.startswith("matrix")


def test_an_arm_or_setting_that_undoes_the_matrix_is_told(tmp_path: Path) -> None:
    text = (
        TINY.replace("with-state: {}", "with-state: {agent: {policy: {floor: 0.9}}}")
        + "matrix: {agent.policy.floor: [0.1, 0.2]}\n"
    )
    (found,) = complaints(repo(tmp_path, spec=text))
    assert (found.code, "the arm 'with-state' sets 'agent.policy.floor'" in found.message) == (
        "E208",
        True,
    )
    found = complaints(
        repo(tmp_path, spec=TINY + "matrix: {loop.iterations: [1, 2]}\n"),
        "spec",
        "loop.iterations=3",
    )
    assert "'--set' sets 'loop.iterations', which the matrix varies" in found[0].message


STEPS, OVERLAP = (
    "student.train.length.steps: [3, 4]",
    "agent.checks.overlap.action: [record, reject]",
)


@pytest.mark.parametrize(
    ("matrix", "arm", "settings", "words"),
    [
        (STEPS, "{student: {train: {length: {epochs: 2}}}}", (), "the arm 'with-state' replaces 'student.train.length' and so"),
        (STEPS, "{student: {train: {length: {steps: 2}}}}", (), "the arm 'with-state' sets 'student.train.length.steps'"),
        (STEPS, "{}", ("student.train.length={epochs: 2}",), "'--set' replaces 'student.train.length' and so"),
        (OVERLAP, "{agent: {checks: {overlap: null}}}", (), "the arm 'with-state' removes 'agent.checks.overlap' and so"),
        (OVERLAP, "{agent: {checks: null}}", (), "the arm 'with-state' removes 'agent.checks' and so"),
        (OVERLAP, "{}", ("agent.checks.overlap=null",), "'--set' removes 'agent.checks.overlap' and so"),
        ("teachers.generator.source: [problems]", "{}", ("teachers.generator={kind: other}",), "'--set' replaces 'teachers.generator' and so"),
        ("agent.observe.errors: [0, 1]", "{}", ("agent.observe=nothing",), "'--set' replaces 'agent.observe' and so"),
        ("arms.no-state.agent.policy.floor: [0, 1]", "{}", ("agent.policy.floor=1",), "'--set' replaces 'agent.policy.floor' and so 'arms.no-state."),
        ("arms.no-state.agent.policy.floor: [0, 1]", "{}", ("arms.no-state=null",), "'--set' removes 'arms.no-state' and so"),
    ],
)  # fmt: skip
def test_what_takes_the_place_of_what_the_matrix_varies_is_told(
    matrix: str, arm: str, settings: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    text = TINY.replace("with-state: {}", f"with-state: {arm}") + f"matrix: {{{matrix}}}\n"
    found = [
        item
        for item in complaints(repo(tmp_path, spec=text), "spec", *settings)
        if item.code == "E208"
    ]
    assert {item.message.startswith(words) for item in found} == {True}, [
        item.render() for item in found
    ]


@pytest.mark.parametrize(
    ("matrix", "arm"),
    [
        (
            "agent.observe.errors: [0, 2]",
            "{agent: {observe: nothing}}",
        ),  # the blind control of the sweep
        ("agent.policy.floor: [0, 0.5]", "{agent: {policy: {kind: allocate, power: 2}}}"),
        ("student.train.length.steps: [3, 4]", "{student: {train: {batch_size: 8}}}"),
    ],
)
def test_what_leaves_what_the_matrix_varies_is_no_clash(
    matrix: str, arm: str, tmp_path: Path
) -> None:
    assert (
        len(
            resolve(
                repo(
                    tmp_path,
                    spec=TINY.replace("with-state: {}", f"with-state: {arm}")
                    + f"matrix: {{{matrix}}}\n",
                )
            )
        )
        == 2
    )


SAME = {
    "a default that is written out": "{agent: {policy: {floor: 0.2}}}",
    "a check that is off": "{agent: {checks: {known: {action: off}}}}",
    "another name for the teacher": "{teachers: {writer: {kind: procedural, source: problems}}, agent: {engine: {teacher: writer}}}",
    "a teacher that nobody asks": "{teachers: {idle: {kind: procedural, source: problems}}}",
    "a stop that never stops": "{loop: {stop: {patience: 9}}}",
}
SAME_TASK = {
    "a share that is the default": "{task: {splits: {test: {share: 0.1}}}}",
    "a source that nothing draws from": "{task: {sources: {idle: {kind: reasoning-gym, families: {sum: {dataset: chain_sum}}}}}}",
}


@pytest.mark.parametrize("name", SAME)
def test_arms_that_are_the_same_are_a_warning_that_names_both(name: str, tmp_path: Path) -> None:
    specs = resolve(
        repo(
            tmp_path,
            spec=TINY.replace("with-state: {}", f"with-state: {{}}\n  seeing: {SAME[name]}"),
        )
    )
    (found,) = [item for item in warnings(specs, lower(specs).graph) if item.code != "W403"]
    assert (found.code, found.severity) == ("W401", "warning")
    assert "'with-state' and 'seeing'" in found.message
    assert found.span.text.startswith("  seeing")


def test_a_check_that_is_off_and_one_that_is_removed_are_the_same(tmp_path: Path) -> None:
    arms = "off: {agent: {checks: {duplicate: {action: off}}}}\n  none: {agent: {checks: {duplicate: null}}}"
    specs = resolve(
        repo(tmp_path, spec=TINY.replace("with-state: {}", f"with-state: {{}}\n  {arms}"))
    )
    assert ["'off' and 'none'" in item.message for item in warnings(specs, lower(specs).graph)] == [
        True
    ]


@pytest.mark.parametrize("text", [*SAME.values(), *SAME_TASK.values()], ids=[*SAME, *SAME_TASK])
def test_points_and_specs_that_are_the_same_are_a_warning(text: str, tmp_path: Path) -> None:
    """As a file that extends the other, and as a point of a sweep whose first point says what the spec says anyway."""
    override = yaml.safe_load(text.replace("off", "'off'"))
    point = {
        "name": "same",
        **{
            f"{top}.{key}": value
            for top, below in override.items()
            for key, value in below.items()
            if top != "task"
        },
    }
    point |= {
        f"task.{key}.{name}": value
        for key, below in override.get("task", {}).items()
        for name, value in below.items()
    }
    sweep = TINY + yaml.safe_dump({"matrix": [{"name": "plain", "loop.iterations": 2}, point]})
    repo(
        tmp_path,
        spec=TINY,
        other=yaml.safe_dump({"extends": "spec.yaml", "name": "other", **override}),
        sweep=sweep,
    )
    specs = (*resolve(tmp_path), *resolve(tmp_path, "other"))
    (found,) = [item for item in warnings(specs, lower(specs).graph) if item.code != "W403"]
    assert (found.code, "'tiny' and 'other'" in found.message) == ("W401", True)
    points = resolve(tmp_path, "sweep")
    (found,) = [item for item in warnings(points, lower(points).graph) if item.code != "W403"]
    assert (found.code, "'tiny-plain' and 'tiny-same'" in found.message) == ("W401", True)


def test_arms_that_differ_in_one_stage_are_not_the_same(tmp_path: Path) -> None:
    arms = "record: {agent: {checks: {known: {action: record}}}}\n  last: {select: {by: last}}\n  longer: {loop: {iterations: 3}}"
    specs = resolve(
        repo(tmp_path, spec=TINY.replace("with-state: {}", f"with-state: {{}}\n  {arms}"))
    )
    assert warnings(specs, lower(specs).graph) == ()


# --- --set ------------------------------------------------------------------------------------------------------------


def test_a_setting_wins_over_file_and_arm_and_is_typed_by_the_schema(tmp_path: Path) -> None:
    repo(tmp_path, spec=TINY.replace("with-state: {}", "with-state: {loop: {iterations: 1}}"))
    (spec,) = resolve(
        tmp_path,
        "spec",
        "loop.iterations=4",
        "student.train.learning_rate=1e-2",
        "description=2024",
        "agent.observe={scores: true}",
    )
    assert {arm.experiment.loop.iterations for arm in spec.arms} == {4}
    assert spec.base.student.train.learning_rate == 0.01
    assert spec.base.description == "2024"
    assert {
        arm.experiment.agent.observe.scores
        for arm in spec.arms
        if not isinstance(arm.experiment.agent.observe, str)
    } == {True}


def test_a_setting_can_remove_a_key_and_change_one_arm(tmp_path: Path) -> None:
    repo(tmp_path, spec=TINY)
    (spec,) = resolve(
        tmp_path,
        "spec",
        "agent.checks.overlap=null",
        "agent.checks.scorable=",
        "analysis=",
        "arms.no-state=null",
    )
    assert [arm.name for arm in spec.arms] == ["with-state"]
    assert set(spec.base.agent.checks) == {"duplicate"}


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("loop.iteration=3", "E102", "did you mean 'iterations'?"),
        ("loop.iterations=many", "E103", "must be a whole number"),
        ("loop.iterations", "E106", "path=value"),
        ("=3", "E106", "path=value"),
        ("agent.policy={kind: alocate}", "E105", "did you mean 'allocate'?"),
        ("loop.iterations=[1", "E002", "invalid YAML"),
    ],
)
def test_a_wrong_setting_is_told(setting: str, code: str, words: str, tmp_path: Path) -> None:
    found = complaints(repo(tmp_path, spec=TINY), "spec", setting)
    mine = [item for item in found if item.code == code and words in item.message + item.help]
    assert mine, [item.render() for item in found]
    assert mine[0].span.file == "--set"


# --- explain and show -------------------------------------------------------------------------------------------------


def test_explain_tells_who_set_a_value_through_all_layers(tmp_path: Path) -> None:
    base = TINY.replace("with-state: {}", "with-state: {loop: {teach: {examples: 40}}}")
    repo(
        tmp_path,
        base=base,
        spec="extends: base.yaml\nloop: {teach: {examples: 35}}\nmatrix: {loop.teach.refill: [0]}\n",
    )
    (spec,) = resolve(tmp_path, "spec", "student.train.batch_size=8")
    arm = spec.arms[0]
    (found,) = explain(arm, ("loop", "teach", "examples"))
    said = [(item.layer, str(item.span), item.value, item.effect) for item in found.layers]
    line = base[: base.index("examples: 40")].count("\n") + 1
    assert said[0][0] == "arm with-state"
    assert said[0][1].startswith(f"base.yaml:{line}:")
    assert [item[2:] for item in said] == [(40, "holds"), (35, "overridden"), (30, "overridden")]
    assert [item.layer for item in explain(arm, ("loop", "teach", "refill"))[0].layers] == [
        "matrix refill-0",
        "base.yaml",
    ]
    assert [item.layer for item in explain(arm, ("student", "train", "batch_size"))[0].layers] == [
        "--set",
        "base.yaml",
    ]
    assert explain(arm, ("student", "train", "schedule"))[0].layers == ()
    assert explain(arm, ("student", "train", "nothing")) == ()
    assert {".".join(item.path) for item in explain(arm, ("loop", "teach"))} == {
        "loop.teach.examples",
        "loop.teach.of",
        "loop.teach.refill",
    }


EDITS = [
    ("", ""),
    (
        "with-state: {}",
        "with-state: {student: {train: {length: {epochs: 2}}}, agent: {checks: {overlap: null}}}",
    ),
    ("test: {from: problems, draw: {per_group: 6}}", "test: {same_as: selection}"),
    ("arms:\n  with-state: {}\n  no-state: {agent: {observe: nothing}}\n", ""),
    ("train: {length", "train: {adapter: {kind: lora, r: 4}, length"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_what_show_prints_compiles_to_the_same_keys(old: str, new: str, tmp_path: Path) -> None:
    text = TINY.replace(old, new, 1).split("analysis:")[0]
    repo(tmp_path, spec="extends: sub/base.yaml\nname: shown\n", sub__base=text)
    (spec,) = resolve(tmp_path, "spec", "loop.iterations=3")
    (tmp_path / "again.yaml").write_text(
        yaml.safe_dump(resolved(spec), sort_keys=False), encoding="utf-8"
    )
    assert keys(resolve(tmp_path, "again")) == keys((spec,))
    for arm in spec.arms:
        (tmp_path / "one.yaml").write_text(
            yaml.safe_dump(resolved(spec, arm=arm.name)), encoding="utf-8"
        )
        assert keys(resolve(tmp_path, "one")) < keys((spec,)) or len(spec.arms) == 1


def test_one_arm_is_shown_with_the_contrasts_it_can_make(tmp_path: Path) -> None:
    (spec,) = resolve(repo(tmp_path, spec=TINY))
    assert len(resolved(spec)["analysis"]["contrasts"]) == 1
    for arm in spec.arms:
        (tmp_path / "one.yaml").write_text(
            yaml.safe_dump(resolved(spec, arm=arm.name)), encoding="utf-8"
        )
        assert keys(resolve(tmp_path, "one")) < keys((spec,))


def test_an_arm_may_be_called_like_a_choice(tmp_path: Path) -> None:
    text = TINY.split("analysis:")[0].replace("no-state: {agent", "length: {agent")
    (spec,) = resolve(repo(tmp_path, spec=text), "spec", "arms.length.agent.policy.power=3")
    (arm,) = (arm for arm in spec.arms if arm.name == "length")
    assert arm.experiment.agent.observe == "nothing"
    assert arm.experiment.agent.policy["power"] == 3


def test_what_is_said_in_two_ways_is_one_experiment(tmp_path: Path) -> None:
    blind = TINY.replace(
        "{agent: {observe: nothing}}",
        "{agent: {observe: {scores: false, yield: false, errors: 0}}}",
    )
    one, other, third = (
        keys(resolve(repo(tmp_path, spec=text)))
        for text in (TINY, blind, TINY.replace("arms:", "seeds: {run: [0]}\narms:"))
    )
    assert one == other == third
    repo(tmp_path, spec=blind.replace("checks: {", "checks: {known: {action: record}, "))
    (found,) = {item.code for item in complaints_of_lower(tmp_path)}
    assert found == "E301"


def complaints_of_lower(folder: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        lower(resolve(folder))
    return caught.value.diagnostics


def test_a_sweep_can_be_set_from_the_command_line_and_a_parent_cannot(tmp_path: Path) -> None:
    repo(tmp_path, spec=TINY)
    assert len(resolve(tmp_path, "spec", "matrix={student.train.learning_rate: [1e-3, 2e-3]}")) == 2
    for setting in ("extends=other.yaml", "$schema=x"):
        (found,) = complaints(tmp_path, "spec", setting)
        assert (found.code, "cannot be set from the command line" in found.message) == (
            "E204",
            True,
        )


def test_a_value_is_taken_away_by_what_ends_its_path(tmp_path: Path) -> None:
    repo(
        tmp_path,
        root=TINY.replace("errors: 1", "errors: 2"),
        mid="extends: root.yaml\nagent: {observe: nothing}\n",
        spec="extends: mid.yaml\nagent: {observe: {scores: true}}\narms: {no-state: null}\nanalysis: null\n",
    )
    (spec,) = resolve(tmp_path)
    (found,) = explain(spec.arms[0], ("agent", "observe", "errors"))
    assert found.value == 0
    assert [(said.layer, said.effect) for said in found.layers] == [
        ("mid.yaml", "removes"),
        ("root.yaml", "overridden"),
    ]


def test_one_split_in_two_roles_is_said_warned_of_and_stamped(tmp_path: Path) -> None:
    text = re.sub(r"selection: \{from.*\n", "selection: {same_as: feedback}\n", TINY)
    specs = resolve(repo(tmp_path, spec=text))
    (found,) = warnings(specs, lower(specs).graph)
    assert (found.code, found.severity) == ("W402", "warning")
    compiled = lower(specs)
    by_role = {
        stage.plain["role"]: stage.plain for stage in compiled.graph.stages if stage.kind == "data"
    }
    assert by_role["selection"]["lane"] == by_role["feedback"]["lane"]
    assert by_role["selection"]["draw"] == by_role["feedback"]["draw"]
    assert compiled.graph.entries[0].index.stamps == ("selection and feedback are the same items",)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("{same_as: selection}", "cannot be the same as"),
        ("{same_as: feedback, draw: {items: 3}}", "'draw' has no meaning"),
        ("{same_as: pool}", "not allowed"),
        ("{}", "missing key 'from'"),
    ],
)
def test_a_same_as_without_meaning_is_told(split: str, words: str, tmp_path: Path) -> None:
    found = complaints(
        repo(tmp_path, spec=re.sub(r"selection: \{from.*\n", f"selection: {split}\n", TINY))
    )
    assert any(words in item.message for item in found), [item.render() for item in found]


@pytest.mark.parametrize(
    ("path", "value", "what", "help"),
    [
        (
            "arms.with-stat.agent.policy.floor",
            "0.9",
            "arm 'with-stat'",
            "did you mean 'with-state'?",
        ),
        (
            "arms.with-stat",
            "{agent: {policy: {floor: 0.9}}}",
            "arm 'with-stat'",
            "did you mean 'with-state'?",
        ),
        ("arms.with-stat", "null", "arm 'with-stat'", "did you mean 'with-state'?"),
        ("teachers.generater.corrupt", "0.5", "teacher 'generater'", "did you mean 'generator'?"),
        ("teachers.generater", "null", "teacher 'generater'", "did you mean 'generator'?"),
        (
            "task.sources.problms.families.sum.dataset",
            "gcd",
            "source 'problms'",
            "did you mean 'problems'?",
        ),
        (
            "task.sources.problems.families.sun.dataset",
            "gcd",
            "family 'sun'",
            "did you mean 'sum'?",
        ),
        (
            "arms.with-state.teachers.generater.source",
            "problems",
            "teacher 'generater'",
            "did you mean 'generator'?",
        ),
    ],
)
def test_a_path_over_a_name_that_nothing_has_is_told(
    path: str, value: str, what: str, help: str, tmp_path: Path
) -> None:
    """By the matrix and by `--set`, at the path, and nothing that follows from it beside."""
    repo(tmp_path, spec=TINY, sweep=TINY + f"matrix: {{{path}: [{value}]}}\n")
    (found,) = complaints(tmp_path, "spec", f"{path}={value}")
    assert (found.code, found.message, found.help, found.span.file, found.span.column) == (
        "E201",
        f"there is no {what}",
        help,
        "--set",
        1,
    )
    (found,) = complaints(tmp_path, "sweep")
    assert (found.code, found.message, found.help, found.span.file, found.span.column) == (
        "E201",
        f"there is no {what}",
        help,
        "sweep.yaml",
        10,
    )


def test_a_path_may_define_a_teacher_and_what_another_path_defines(tmp_path: Path) -> None:
    repo(
        tmp_path,
        spec=TINY,
        arms=TINY.split("arms:")[0],
        sweep=TINY
        + "matrix: [{teachers.new: {kind: procedural, source: problems}, agent.engine.teacher: new}]\n",
    )
    teacher = (
        "teachers.new={kind: procedural}",
        "teachers.new.source=problems",
        "agent.engine.teacher=new",
    )
    assert (
        keys(resolve(tmp_path, "spec", *teacher))
        == keys(resolve(tmp_path, "sweep"))
        == keys(resolve(tmp_path))
    )
    assert [
        item.code for item in complaints(tmp_path, "sweep", "teachers.new.source=problems")
    ] == ["E208"]
    assert [
        arm.name
        for arm in resolve(tmp_path, "spec", "arms={blind: {agent: {observe: nothing}}}")[0].arms
    ] == ["with-state", "no-state", "blind"]
    assert (
        resolve(tmp_path, "arms", "arms.main.loop.iterations=1")[0]
        .arms[0]
        .experiment.loop.iterations
        == 1
    )
    (found,) = complaints(tmp_path, "arms", "arms.mine.loop.iterations=1")
    assert (found.code, found.help) == ("E201", "did you mean 'main'?")
