"""No code outside of gym knows an option or a component by name: what it has to know is declared."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.spec import Experiment
from tests.support.repositories import ROOT

PACKAGE = ROOT / "dataenvgym_spec"
COMPILING = ("language", "resolve", "graph", "compile", "questions", "emit")
"""The wings that must work for components that nobody has thought of."""

OPTION_WORDS = {
    "action": "every check has it; the slot declares it, not a component (declaration.ACTION)",
    "source": "a slot",
    "teacher": "a slot",
    "cluster": "a field of an item, and what `x-column` can be",
    "group": "a field of an item, and what `x-column` can be",
    "input": "a field of an item, and what `x-column` can be",
    "target": "a field of an item",
    "before": "a field of an item, and what `shows` lists",
    "metadata": "a field of an item, and what `x-column` can be",
    "id": "a field of items and stages; beside `x-revision` the repository",
    "dataset": "a kind of repository of the hub",
    "revision": "a word of the hub",
    "heads": "a measure (`x-measure`)",
    "width": "a measure (`x-measure`)",
    "path": "a word of many files",
    "config": "a word of DVC and of the command line",
    "alpha": "of a drawing's colours",
    "join": "a command",
    "memory": "of a machine, and what a stage needs of it",
    "seconds": "a unit, in logs and in messages",
    "image": "what answers can have in common",
    "images": "a field of an item, and what `shows` lists",
    "painter": "a slot",
    "sandbox": "a slot, and a fact of a log",
    "seed": "what is drawn from, in every wing",
    "logprobs": "a field of a reply",
    "layout": "what of a question may not count",
    "slices": "a field of an item",
}
"""Words that are options of a component and also mean something else where they stand."""
KIND_WORDS = {
    "procedural": "what `x-takes` asks for",
    "shapes": "what answers a task has, as kinds of tasks declare",
    "executes": "what a scorer declares that executes programs",
    "hub": "a section of the lock",
    "calls": "what answers of a task may be besides texts",
    "skill-list": "what a plan works in whose key names no environment",
    "file": "what two specs may differ in",
    "files": "a key of many records",
    "path": "a key of many records",
    "student": "a section of the spec, a kind of stage, and what components can read",
    "noise": "a section of the spec",
}
WITH_CODES = ("explain", "open", "rehearse", "validate")
CODES = {(f"cli/{name}.py", "Dict", "code") for name in WITH_CODES}
"""Where `code` is that of a diagnostic or of a study that was opened, and not a kind of tasks."""
LEFT = {
    ("language/task.py", "each"): "who answers the sealed test",
    ("records/layouts.py", "history"): "a column of the layout alpaca",
    ("setup/hazards.py", "history"): "of commits",
    ("cli/compared.py", "topic"): "what two arms differ in",
    ("cli/compared.py", "floor"): "the noise floor",
    ("cli/replicas.py", "floor"): "the same",
    ("report/metrics.py", "floor"): "the same",
    ("cli/plan.py", "power"): "how small a difference a test finds",
    ("cli/power.py", "power"): "the same",
    ("track/views.py", "mode"): "by what a chart of MLflow groups runs",
    ("report/formats.py", "r"): "a column of LaTeX that is set to the right",
    ("report/exports.py", "equivalent"): "a column: whether a contrast is within its bounds",
    ("report/correcting.py", "equivalent"): "what such a contrast is called",
    ("report/tables.py", "retries"): "requests that were made again, in the ledger",
    ("results/accounts.py", "retries"): "the same",
    ("track/ports.py", "retries"): "the same",
    ("report/tables.py", "subskills"): "a field of a skill's tree",
    ("report/teaching.py", "subskills"): "the same",
    ("track/ports.py", "subskills"): "the same",
    ("language/declaration.py", "subskills"): "what an engine declares to make examples of",
    ("execute/stages/student.py", "pretrain"): "the label of a seed",
    ("store/dvc/state.py", "size"): "a field of DVC's locks",
    ("report/metrics.py", "retries"): "requests that were made again, in the ledger",
    ("execute/rehearsal/models.py", "hidden_size"): "a size of a transformers configuration",
    ("execute/rehearsal/models.py", "intermediate_size"): "the same",
    ("execute/rehearsal/models.py", "image_size"): "the same",
    ("execute/rehearsal/models.py", "patch_size"): "the same",
    ("execute/rehearsal/students.py", "hidden_size"): "the same",
    ("execute/rehearsal/students.py", "depth"): "the same",
    ("execute/rehearsal/eyes.py", "hidden_size"): "the same",
    ("execute/rehearsal/students.py", "intermediate_size"): "the same",
    ("execute/rehearsal/service.py", "max_tokens"): "a field of a chat completion's request",
}


def options(schema: dict[str, Any]) -> Iterator[str]:
    """The names of the options of a schema, at any depth."""
    for name, option in schema.get("properties", {}).items():
        yield name
        yield from options(option)
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        yield from options(values)


def language_keys() -> set[str]:
    """The keys of the language itself."""
    records = msgspec.json.schema(Experiment)["$defs"].values()
    return {key for record in records for key in record.get("properties", {})}


def words(path: Path) -> set[str]:
    """The texts in a module that stand alone: keys, names, parts of paths."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def modules(*wings: str) -> list[Path]:
    return sorted(path for wing in wings for path in (PACKAGE / wing).rglob("*.py"))


def private_options() -> set[str]:
    every = [item for kinds in definitions().values() for item in kinds.values()]
    return {name for item in every for name in options(item.schema)} - language_keys()


def test_no_module_outside_of_gym_names_an_option_of_a_component() -> None:
    private = private_options() - set(OPTION_WORDS)
    assert private >= {"families", "pretrain", "fields", "hidden_size", "r", "oversample", "power"}
    wings = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "gym"]
    named = {
        (path.relative_to(PACKAGE).as_posix(), word)
        for path in modules(*wings)
        for word in words(path) & private
    }
    assert named - set(LEFT) == set()


def test_what_compiles_names_no_component() -> None:
    kinds = {kind for kinds in definitions().values() for kind in kinds} - set(KIND_WORDS)
    assert kinds >= {"reasoning-gym", "gold", "scratch", "sft", "vllm", "lora", "overlap"}
    named = {
        (path.relative_to(PACKAGE).as_posix(), word)
        for path in modules(*COMPILING)
        for word in words(path) & kinds
    }
    assert named == set()


def branches(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What a module compares, matches or looks up by: texts, and fields by their last two names."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            parts = [node.subject, *node.cases]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.Dict) and len(node.keys) > 1:
            parts = [key for key in node.keys if key is not None]
        for inner in (inner for part in parts for inner in ast.walk(part)):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield type(node).__name__, inner.value
            if isinstance(inner, ast.Attribute) and isinstance(
                inner.value, ast.Attribute | ast.Name
            ):
                above = inner.value
                name = above.attr if isinstance(above, ast.Attribute) else above.id
                yield type(node).__name__, f"{name}.{inner.attr}"


def on_kinds_of_tasks(tree: ast.AST) -> set[tuple[str, str]]:
    """Branches on a kind of tasks: texts that are one, and `task.kind`."""
    kinds = {*definitions()["task"], "task.kind"}
    return {(node, what) for node, what in branches(tree) if what in kinds}


def test_nothing_outside_of_gym_branches_on_a_kind_of_tasks() -> None:
    wings = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "gym"]
    found = set()
    for path in (*modules(*wings), PACKAGE / "__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = path.relative_to(PACKAGE).as_posix()
        found |= {(named, *branch) for branch in on_kinds_of_tasks(tree)}
    assert found == CODES


@pytest.mark.parametrize(
    "text",
    [
        "if record.task.kind == other: pass",
        "if kind in ('math', 'x'): pass",
        "match kind:\n    case 'math': pass",
        "match spec.task.kind:\n    case other: pass",
        "FORMS = {'math': 1, 'x': 2}",
        "FORMS[arm.experiment.task.kind]",
    ],
)
def test_each_way_to_branch_on_one_would_be_found(text: str) -> None:
    assert on_kinds_of_tasks(ast.parse(text))


@pytest.mark.parametrize("word", sorted(OPTION_WORDS))
def test_every_word_that_is_excused_is_an_option(word: str) -> None:
    assert word in private_options()
