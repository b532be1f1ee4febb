"""What an editor with the YAML language server makes of the published schema: completion, hover texts, squiggles.

The server is the real one (`tests/editor/package.json`, installed by `make test`), over stdio and offline. In a text, `¦`
is the cursor. An edit is what is replaced in the small spec, and by what.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.schema import schema_text
from tests.support.editing import MODELINE, Editor, editor_in, server_command
from tests.support.language_server import serve
from tests.support.packages import install, path_with
from tests.support.repositories import ROOT, call
from tests.support.specs import TINY

Edit = tuple[str, str]

POLICY = "policy: {kind: allocate, power: 1.0, floor: 0.2}"
CHECKS = (
    "checks: {scorable: {action: reject}, duplicate: {action: reject}, overlap: {action: reject}}"
)
ARM = "  with-state: {}"

COMPLETION: dict[str, tuple[Edit, dict[str, str]]] = {
    "a key at the top": (("arms:", "¦\narms:"), {"seeds": "randomness", "select": "best"}),
    "a key of a record": (("  iterations: 2\n", "  iterations: 2\n  ¦\n"), {"train_on": "iterations so far", "start_from": "base"}),
    "the kind of a model": (("    kind: scratch", "    kind: ¦"), {"scratch": "small Llama", "path": "model directory", "hub": "pinned to a commit"}),
    "the kind of a policy in a flow mapping": ((POLICY, "policy: {kind: ¦}"), {"allocate": "Shares the amount"}),
    "an option, once the kind is given": ((POLICY, "policy:\n    kind: allocate\n    ¦"), {"power": "error rate to this power", "floor": "Default `0.05`"}),
    "an option in a flow mapping": ((POLICY, "policy: {kind: allocate, f¦}"), {"floor": "shared evenly"}),
    "an option of a model, by its kind": (("    layers: 1\n", "    ¦\n"), {"layers": "Transformer layers", "vocabulary": "tokenizer"}),
    "an option inside an option": (("learning_rate: 2e-3, batch_size", "learning_rate: 2e-3, w¦, batch_size"), {"weight_decay": "AdamW"}),
    "one of some values": (("train: {length", "train: {schedule: ¦, length"), {"cosine": "Default `cosine`", "linear": "", "constant": ""}),
    "what a check does": (("duplicate: {action: reject}", "duplicate: {action: ¦}"), {"reject": "Reject the example", "record": "", '"off"': ""}),
    "the name of a check": ((CHECKS, "checks:\n    scorable: {action: reject}\n    ¦"), {"duplicate": "must not repeat", "overlap": "must not coincide"}),
    "a split for a check": (("overlap: {action: reject}", "overlap: {against: [¦]}"), {"test": "", "selection": "", "feedback": ""}),
    "a key of an arm": ((ARM, "  with-state:\n    ¦"), {"loop": "Evaluate, plan", "student": "taught", "agent": "data generation agent"}),
    "a key inside an arm": ((ARM, "  with-state:\n    loop:\n      ¦"), {"iterations": "How often", "teach": "amount to teach"}),
    "a value inside an arm": ((ARM, "  with-state: {student: {train: {schedule: ¦}}}"), {"cosine": "", "linear": "", "null": ""}),
    "a kind inside an arm": ((ARM, "  with-state: {student: {model: {kind: ¦}}}"), {"hub": "pinned to a commit"}),
    "an option inside an arm, of the kind it names": ((ARM, "  with-state:\n    student:\n      model:\n        kind: hub\n        ¦"), {"revision": "Commit"}),
    "an option inside an arm that names no kind": ((ARM, "  with-state:\n    agent:\n      policy:\n        ¦"), {"kind": "", "power": "error rate"}),
    "a check inside an arm": ((ARM, "  with-state:\n    agent:\n      checks:\n        ¦"), {"overlap": "must not coincide"}),
}  # fmt: skip

KINDS: dict[str, Edit] = {
    "source": ("      kind: reasoning-gym", "      kind: ¦"),
    "scorer": ("score: {kind: reasoning-gym}", "score: {kind: ¦}"),
    "model": ("    kind: scratch", "    kind: ¦"),
    "adapter": ("train: {length", "train: {adapter: {kind: ¦}, length"),
    "discovery": ("kind: gold", "kind: ¦"),
    "policy": (POLICY, "policy: {kind: ¦}"),
    "teacher": ("generator: {kind: procedural", "generator: {kind: ¦"),
    "engine": ("engine: {kind: procedural", "engine: {kind: ¦"),
}

HOVER: dict[str, tuple[Edit, list[str]]] = {
    "a part of the spec": (("task:", "ta¦sk:"), ["What is taught"]),
    "a key of a record": (("  iterations:", "  iter¦ations:"), ["How often the loop runs", "At least `1`, at most `1000`"]),
    "a component's place": (("  policy:", "  pol¦icy:"), ["Shares the amount among the skills"]),
    "a component's kind": (("kind: allocate", "kind: allo¦cate"), ["Which policy", "`allocate`: Shares the amount"]),
    "a kind, among the others": (("kind: scratch", "kind: scr¦atch"), ["Which model", "`scratch`: A small Llama", "`path`: A model directory", "`hub`: A model of"]),
    "an option": (("power: 1.0", "pow¦er: 1.0"), ["Allocate by skill state", "0 is even, large is greedy", "Default `1.0`"]),
    "an option inside an option": (("learning_rate: 2e-3", "learning¦_rate: 2e-3"), ["From scratch", "Peak learning rate"]),
    "a split, by its role": (("    test:", "    te¦st:"), ["Sealed: reaches only the final evaluations"]),
    "a key of a split": (("draw: {per_group: 4}", "draw: {per¦_group: 4}"), ["Items of each group"]),
    "a key that one split has": (("show: 0.25", "sh¦ow: 0.25"), ["prompts may show", "Default `0.5`"]),
    "a value": (("dtype: float32, max_new", "dtype: float¦32, max_new"), ["Precision of the weights in generation", "`float16`"]),
    "a check": (("overlap: {", "over¦lap: {"), ["must not coincide with an item"]),
    "an arm": ((ARM, "  with-¦state: {loop: {iterations: 3}}"), ["What this arm changes; `null` removes a key"]),
    "a part of an arm": ((ARM, "  with-state: {lo¦op: {iterations: 3}}"), ["Evaluate, plan, generate, check, train"]),
    "a key inside an arm": ((ARM, "  with-state: {loop: {iter¦ations: 3}}"), ["How often the loop runs"]),
    "an option inside an arm": ((ARM, "  with-state: {agent: {policy: {pow¦er: 3}}}"), ["0 is even, large is greedy"]),
    "a check inside an arm": ((ARM, "  with-state: {agent: {checks: {over¦lap: {action: record}}}}"), ["must not coincide with an item"]),
    "a blind arm": (("observe: nothing", "observe: noth¦ing"), ["What the agent sees of the student"]),
}  # fmt: skip

BROKEN: dict[str, Edit] = {
    "an unknown key at the top": ("loop:\n", "lop: 1\nloop:\n"),
    "a misspelt key": ("  iterations: 2", "  iteration: 2"),
    "an unknown key of a split": ("show: 0.25", "shown: 0.25"),
    "an unknown key below a name": ("        sum: {dataset", "        sum: {data: 1, dataset"),
    "an unknown option": ("floor: 0.2", "flor: 0.2"),
    "an unknown option's option": ("batch_size: 16}\n  train", "batch_size: 16, batchsize: 2}\n  train"),
    "a missing key": ("  iterations: 2\n", ""),
    "a missing key at the top": ("environment: skill-list\n", ""),
    "a missing option": ("teacher: generator, ", ""),
    "a missing kind": ("policy: {kind: allocate, ", "policy: {"),
    "a missing key in a list": ("{arm: with-state, against: no-state, ", "{arm: with-state, "),
    "a text for a number": ("  iterations: 2", "  iterations: two"),
    "a quoted number": ("  iterations: 2", "  iterations: '2'"),
    "a fraction for a count": ("  iterations: 2", "  iterations: 2.5"),
    "a boolean for a number": ("examples: 30", "examples: true"),
    "a word of YAML 1.1 for a boolean": ("yield: true", "yield: yes"),
    "a number for a mapping": ("student:\n  model:", "student: 3\nx:\n  model:"),
    "a list for a mapping": ("  observe: {scores: true, yield: true, errors: 1}", "  observe: [scores]"),
    "a number for a name": ("name: tiny", "name: 1"),
    "a number for a source": ("  score:", "    other: 3\n  score:"),
    "nothing for a number": ("  iterations: 2", "  iterations:"),
    "nothing for a text": ("description: A spec small enough for a test.", "description:"),
    "a value that is not there": ("environment: skill-list", "environment: skill-heap"),
    "a value of an option that is not there": ("duplicate: {action: reject}", "duplicate: {action: drop}"),
    "too low": ("  iterations: 2", "  iterations: 0"),
    "too high": ("refill: 1", "refill: 21"),
    "at an open bound": ("show: 0.25", "show: 1"),
    "a number that is not finite": ("max_length: 64", "max_grad_norm: .inf, max_length: 64"),
    "an integer beyond 64 bits": ("heads: 2", "heads: 99999999999999999999"),
    "an unknown component": ("kind: allocate", "kind: alocate"),
    "an unknown check": ("overlap: {", "overlop: {"),
    "a revision that is none": ("    kind: scratch\n", "    kind: hub\n    id: a/b\n    revision: 'the newest'\n"),
    "a name that is none": ("name: tiny", "name: my experiment"),
    "an arm's name that is none": ("  no-state:", "  no state:"),
    "an empty list": ("overlap: {action: reject}", "overlap: {against: []}"),
    "a repeated item": ("overlap: {action: reject}", "overlap: {against: [test, test]}"),
    "an empty mapping": ("examples: {sum: 60}", "examples: {}"),
    "no arms": ("  with-state: {}\n  no-state: {agent: {observe: nothing}}\n", "  {}\n"),
    "no amount": ("draw: {per_group: 4}", "draw: {}"),
    "two lengths": ("train: {length: {steps: 6}", "train: {length: {steps: 6, epochs: 1}"),
    "an arm that is a number": ("with-state: {}", "with-state: 3"),
    "an arm that is nothing": ("with-state: {}", "with-state:"),
    "an unknown key of an arm": ("with-state: {}", "with-state: {lop: 1}"),
    "an unknown key inside an arm": ("with-state: {}", "with-state: {loop: {iteration: 3}}"),
    "an unknown option inside an arm": ("with-state: {}", "with-state: {agent: {policy: {flor: 0.1}}}"),
    "an unknown option of a kind inside an arm": ("with-state: {}", "with-state: {student: {model: {kind: path, path: p, id: x}}}"),
    "an option out of bounds inside an arm": ("with-state: {}", "with-state: {agent: {engine: {corrupt: 7}}}"),
    "an unknown component inside an arm": ("with-state: {}", "with-state: {agent: {policy: {kind: alocate}}}"),
    "an unknown check inside an arm": ("with-state: {}", "with-state: {agent: {checks: {overlop: {action: off}}}}"),
    "a value inside an arm that is not there": ("with-state: {}", "with-state: {student: {train: {schedule: step}}}"),
    "a duplicate key": ("loop:\n", "name: again\nloop:\n"),
    "a duplicate key of a record": ("  iterations: 2\n", "  iterations: 2\n  iterations: 3\n"),
    "a bracket left open": ("skills: {discover: {kind: gold}}", "skills: {discover: {kind: gold}"),
    "a tag": ("name: tiny", "name: !!python/name:os.system tiny"),
    "a text": (TINY, "hello\n"),
    "a list": (TINY, "- version: 1\n"),
}  # fmt: skip

# Text that is no YAML: `validate` stops at the fault; the server goes on and also flags what then looks wrong.
NO_YAML: dict[str, Edit] = {
    "a tab": ("  iterations: 2\n", "\titerations: 2\n"),
    "a quote left open": ("name: tiny", "name: 'tiny"),
    "a wrong indentation": ("  score: {kind", "   score: {kind"),
}
FIRST_OF_SEVERAL = ("  iterations: 2\n", "    iterations: 2\n")
"""An indentation of which a parser of YAML knows at the next line only that it does not fit."""

# Only one of the two speaks: who, and why. Whatever a spec means beyond its form is for `validate`.
DIFFERENCES: dict[str, tuple[Edit, str, str]] = {
    "a source that is not there": (("test: {from: problems", "test: {from: problem"), "validate", "a reference to a name is no matter of form"),
    "a teacher that is not there": (("teacher: generator", "teacher: writer"), "validate", "a reference to a name is no matter of form"),
    "a file that is not there": (("prompts/tiny.j2", "prompts/none.j2"), "validate", "the server reads no files of a spec"),
    "heads that do not fit": (("heads: 2", "heads: 3"), "validate", "two values that do not go together"),
    "a seed twice": (("arms:", "seeds: {run: [1, 1]}\narms:"), "validate", "reported with the other rules on runs"),
    "an arm that removes what is needed": ((ARM, "  with-state: {agent: {policy: null}}"), "validate", "known after merging"),
    "an arm's component that lacks an option": ((ARM, "  with-state: {student: {model: {kind: hub}}}"), "validate", "known after merging: the same kind would be merged"),
    "a whole number written as a fraction": (("  iterations: 2", "  iterations: 2.0"), "validate", "draft-07: a number without a fraction is an integer"),
    "a merge key": (("loop:\n", "loop:\n  <<: {train_on: all}\n"), "validate", "the server reads YAML 1.1 merge keys; a spec has none"),
    "a tag of YAML's own": (("  iterations: 2", "  iterations: !!int 2"), "validate", "a tag the server knows; a spec has none"),
    "a control character": (("A spec small", "A \x01spec small"), "validate", "the server reads it as a letter"),
    "an empty file": ((TINY, ""), "validate", "the server says nothing before the first word"),
    "an anchor that nothing uses": (("  iterations: 2", "  iterations: &n 2"), "editor", "the server's own advice; it means nothing"),
}  # fmt: skip

LISTED = "    listed: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}\n  score:"
VALID: dict[str, str] = {
    "the small spec": TINY,
    "the quickstart": (ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8").removeprefix(MODELINE),
    "JSON lines and LoRA": TINY.replace("  score:", LISTED).replace("test: {from: problems", "test: {from: listed").replace("train: {length", "train: {adapter: {kind: lora, r: 4}, length").replace("{per_group: 6}", "{items: 6}"),
    "YAML 1.2 numbers": TINY.replace("learning_rate: 1e-3", "learning_rate: 1e-3, weight_decay: 0").replace("examples: 30", "examples: 030").replace("refill: 1", "refill: 0o1"),
    "an alias": TINY.replace("draw: {per_group: 6}", "draw: &some {per_group: 6}").replace("draw: {per_group: 4}", "draw: *some"),
    "an arm that changes options": TINY.replace(ARM, "  with-state: {agent: {policy: {power: 3}, checks: {overlap: {action: record}, duplicate: null}}, student: {train: {length: {steps: null, epochs: 2}}}}"),
    "an arm with another length": TINY.replace(ARM, "  with-state: {student: {train: {length: {epochs: 2}}}}"),
    "a spec that says only what differs": "extends: tiny.yaml\nloop: {iterations: 3}\narms: {no-state: null}\nanalysis: null\n",
    "a sweep": TINY + "matrix: {loop.iterations: [1, 2]}\n",
    "an arm with another kind": TINY.replace(ARM, "  with-state: {student: {model: {kind: path, path: base}}}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with editor_in(tmp_path_factory.mktemp("editor") / "all", schema_text()) as editor:
        yield editor


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("packages") / "installed", "greedy")


@pytest.fixture(scope="module")
def editor_with_greedy(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor with the schema that the command line prints where a package with a policy is installed."""
    folder = tmp_path_factory.mktemp("greedy")
    with editor_in(
        folder / "all",
        call("dataenvgym", "schema", cwd=folder, PYTHONPATH=path_with(target)).stdout,
    ) as editor:
        yield editor


@pytest.fixture(scope="module")
def checked(editor: Editor) -> dict[str, Path]:
    """All specs of the tables, opened at once: the server looks at each a while after it was opened."""
    edits = {**BROKEN, **NO_YAML, **{name: case[0] for name, case in DIFFERENCES.items()}}
    return {
        **{name: editor.open(edited(edit)) for name, edit in edits.items()},
        **{name: editor.open(text) for name, text in VALID.items()},
        "an indentation before others": editor.open(edited(FIRST_OF_SEVERAL)),
    }


def edited(edit: Edit) -> str:
    assert edit[0] in TINY
    return TINY.replace(*edit, 1)


@pytest.mark.parametrize("name", COMPLETION)
def test_completion(name: str, editor: Editor) -> None:
    edit, expected = COMPLETION[name]
    offered = {item.label: item for item in editor.server.complete(*editor.at(edited(edit)))}
    assert offered.keys() >= expected.keys()
    for label, text in expected.items():
        assert text in offered[label].documentation, offered[label]


@pytest.mark.parametrize("slot", KINDS)
def test_every_kind_of_component_is_offered_with_its_description(slot: str, editor: Editor) -> None:
    offered = {
        item.label: item.documentation
        for item in editor.server.complete(*editor.at(edited(KINDS[slot])))
    }
    assert offered == {kind: item.description for kind, item in definitions()[slot].items()}


def test_what_is_there_already_is_not_offered_again(editor: Editor) -> None:
    offered = {
        item.label for item in editor.server.complete(*editor.at(edited(("arms:", "¦\narms:"))))
    }
    assert "seeds" in offered
    assert not offered & {"version", "name", "task", "student", "arms"}


GREEDY_COMPLETION: dict[str, tuple[str, dict[str, str]]] = {
    "its kind": (
        "policy: {kind: ¦}",
        {"greedy": "Teaches the weakest skills only.", "allocate": "Shares the amount"},
    ),
    "its options": (
        "policy:\n    kind: greedy\n    ¦",
        {"top": "How many of the weakest skills to teach.", "mood": "Default `calm`"},
    ),
    "its options in a flow mapping": (
        "policy: {kind: greedy, t¦}",
        {"top": "Default `1`, at least `1`"},
    ),
    "a value of its option": ("policy: {kind: greedy, mood: ¦}", {"calm": "", "eager": ""}),
}


@pytest.mark.parametrize("name", GREEDY_COMPLETION)
def test_a_component_of_a_package_is_completed(name: str, editor_with_greedy: Editor) -> None:
    marked, expected = GREEDY_COMPLETION[name]
    offered = {
        item.label: item
        for item in editor_with_greedy.server.complete(
            *editor_with_greedy.at(edited((POLICY, marked)))
        )
    }
    assert offered.keys() >= expected.keys()
    assert not offered.keys() & {"floor", "power"}
    for label, text in expected.items():
        assert text in offered[label].documentation, offered[label]


def test_an_option_of_a_package_is_explained_and_its_mistakes_underlined(
    editor_with_greedy: Editor,
) -> None:
    place = editor_with_greedy.at(edited((POLICY, "policy: {kind: greedy, to¦p: 2}")))
    shown = editor_with_greedy.server.hover(*place)
    assert (
        "Greedy" in shown
        and "How many of the weakest skills to teach." in shown
        and "Default `1`" in shown
    )
    assert editor_with_greedy.server.squiggles(place[0]) == []
    wrong = edited((POLICY, "policy: {kind: greedy, tpo: 2}"))
    assert editor_with_greedy.underlined(editor_with_greedy.open(wrong)) == {
        wrong[: wrong.index("tpo")].count("\n") + 2
    }


def test_without_the_package_its_component_is_not_offered(editor: Editor) -> None:
    assert "greedy" not in {
        item.label
        for item in editor.server.complete(*editor.at(edited((POLICY, "policy: {kind: ¦}"))))
    }


@pytest.mark.parametrize("name", HOVER)
def test_hover(name: str, editor: Editor) -> None:
    edit, expected = HOVER[name]
    shown = re.sub(r"\\([\\`*_{}\[\]#+!])", r"\1", editor.server.hover(*editor.at(edited(edit))))
    for text in expected:
        assert text in shown


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_underlined_where_validate_points(
    name: str, editor: Editor, checked: dict[str, Path]
) -> None:
    lines = editor.validated(checked[name])
    assert lines
    assert editor.underlined(checked[name]) == lines


@pytest.mark.parametrize("name", NO_YAML)
def test_what_is_no_yaml_is_underlined_too(
    name: str, editor: Editor, checked: dict[str, Path]
) -> None:
    lines = editor.validated(checked[name])
    assert lines
    assert lines <= editor.underlined(checked[name])


def test_an_indentation_is_told_where_it_is_and_underlined_where_it_is_noticed(
    editor: Editor, checked: dict[str, Path]
) -> None:
    place = checked["an indentation before others"]
    lines = place.read_text(encoding="utf-8").splitlines()
    line = lines.index("    iterations: 2") + 1
    assert editor.validated(place) == {line}
    assert line + 1 in editor.underlined(place)


@pytest.mark.parametrize("name", VALID)
def test_a_valid_spec_has_no_squiggle(name: str, editor: Editor, checked: dict[str, Path]) -> None:
    assert editor.validated(checked[name]) == set()
    assert editor.server.squiggles(checked[name]) == []


@pytest.mark.parametrize("name", DIFFERENCES)
def test_where_only_one_of_the_two_speaks(
    name: str, editor: Editor, checked: dict[str, Path]
) -> None:
    found = {
        "validate": editor.validated(checked[name]),
        "editor": editor.underlined(checked[name]),
    }
    assert [who for who, lines in found.items() if lines] == [DIFFERENCES[name][1]]


def test_a_missing_server_is_no_pass_where_it_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.editing.SERVER", tmp_path / "none")
    monkeypatch.delenv("DATAENVGYM_TEST_EDITOR", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        server_command()
    monkeypatch.setenv("DATAENVGYM_TEST_EDITOR", "1")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        server_command()


def test_no_server_is_left_behind(tmp_path: Path, editor: Editor) -> None:
    command = server_command()
    with (
        serve(command, tmp_path) as ended,
        pytest.raises(RuntimeError, match="a failing test"),
        serve(command, tmp_path) as killed,
    ):
        raise RuntimeError("a failing test")
    assert ended.exit_status == 0
    assert killed.exit_status == -9


def test_schema_write_refreshes_what_the_modeline_names(repo: Path) -> None:
    call("dataenvgym", "schema", "--write", cwd=repo)
    named = (repo / "specs" / MODELINE.partition("$schema=")[2].strip()).resolve()
    assert named.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")))
def test_every_shipped_spec_names_the_schema(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(MODELINE)
