"""Specs written as a new user would: from the pages in docs/ and from what the editor offers, and from nothing else.

The scripted user begins with an empty file below the modeline. It writes a key only where the language server offers it, adds what the
server calls missing, takes a value that is offered where there is one, and copies what no editor can know (numbers, names) from the
pages' examples. `specs/factors.yaml` was written by somebody who had read only the pages; it was valid at the first try.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.language.source import parse
from tests.support.editing import MODELINE, Editor, editor_in
from tests.support.repositories import ROOT, call

Tree = dict[str, Any]
Steps = tuple[str, ...]

CHOICES = {
    "task.sources.arithmetic.kind": "reasoning-gym",
    "task.score.kind": "reasoning-gym",
    "student.model.kind": "scratch",
    "student.train.dtype": "float32",
    "student.generate.dtype": "float32",
    "arms.blind.agent.observe": "nothing",
    "agent.checks.overlap.action": "reject",
}
"""What the user picks where the editor offers several values."""

WISHES = (
    "description", "task.sources.arithmetic.families.sum.config", "teachers", "student.train.adapter", "student.train.max_length", "student.train.dtype", "student.generate.dtype",
    "agent.checks", "agent.checks.overlap", "agent.checks.overlap.action", "loop.stop", "seeds", "seeds.run", "arms", "arms.blind.agent", "arms.blind.agent.observe",
)  # fmt: skip
"""What the user wants beyond what the editor calls missing."""

OWN_NAMES = {"author": "generator"}
"""The user's own names and what the pages call the same thing. References are copied as they are, and `validate` has to tell."""


class Pages:
    """The examples of the pages: values by path, as a reader finds them."""

    def __init__(self, folder: Path) -> None:
        self.trees = [first_spec(folder), *language_examples()]

    def find(self, path: Steps) -> Any:
        for tree in self.trees:
            node: Any = tree
            for step in path:
                node = node.get(OWN_NAMES.get(step, step)) if isinstance(node, dict) else None
            if node is not None:
                return node
        return None


class NewUser:
    """Writes a spec, key by key."""

    def __init__(self, editor: Editor, pages: Pages) -> None:
        self.editor, self.pages = editor, pages
        self.tree: Tree = {}

    def write(self) -> None:
        """Adds what is missing and what is wished until the editor finds nothing wrong."""
        self.add((), "version")
        while todo := list(self.missing()) or list(self.unfilled()) or list(self.wished()):
            for path, key in todo:
                if key not in at(self.tree, path):
                    self.add(path, key)

    def missing(self) -> Iterator[tuple[Steps, str]]:
        """What the server says is missing, each with the mapping it is missing in."""
        lines, paths = rendered(self.tree)
        found = self.editor.server.squiggles(self.editor.open("\n".join(lines)))
        for item in found:
            if told := re.fullmatch(r'Missing property "(\w+)"\.', item.message):
                path = paths[item.line - 2]
                yield path if isinstance(at(self.tree, path), dict) else path[:-1], told[1]

    def unfilled(self) -> Iterator[tuple[Steps, str]]:
        """What the pages have in mappings that say nothing: names of one's own, or one of several keys."""
        for path in empty(self.tree):
            yield from ((path, own(name)) for name in self.pages.find(path) or ())

    def wished(self) -> Iterator[tuple[Steps, str]]:
        for wish in WISHES:
            *path, key = wish.split(".")
            if key not in at(self.tree, tuple(path)):
                yield tuple(path), key
                return

    def add(self, path: Steps, key: str) -> None:
        """Writes a key as the editor offers it, with a value that it offers or the pages have."""
        offered = {item.label: item.inserts for item in self.ask((*path, "¦"))}
        free = all(text.startswith("${1:") for text in offered.values())
        assert free or key in offered, (
            f"the editor does not offer '{key}' in '{'.'.join(path)}', but {sorted(offered)}"
        )
        whole = (*path, key)
        example = self.pages.find(whole)
        mapping = isinstance(example, dict) or (
            example is None and offered[key].rstrip("$1 ").endswith("\n")
        )
        at(self.tree, path)[key] = {} if mapping else self.value(whole, example)

    def value(self, path: Steps, example: Any) -> Any:
        choices = [item.inserts for item in self.ask(path) if item.label != "Default value"]
        chosen = CHOICES.get(
            ".".join(path),
            choices[0] if len(choices) == 1 else None if example is None else scalar(example),
        )
        assert chosen is not None, (
            f"neither the editor nor the pages know a value of '{'.'.join(path)}'; offered: {choices}"
        )
        assert not choices or chosen in choices, (path, choices)
        return chosen

    def ask(self, path: Steps) -> list[Any]:
        """What the editor offers at a new key (`¦`) or at the value of one, with the text so far around it."""
        lines, _ = rendered(planted(self.tree, path))
        return self.editor.server.complete(*self.editor.at("\n".join(lines)))


def first_spec(folder: Path) -> Any:
    """The spec of docs/first-spec.md as it is at the end of the page."""
    text = (ROOT / "docs" / "first-spec.md").read_text(encoding="utf-8")
    spec = folder / "specs" / "first.yaml"
    spec.parent.mkdir(parents=True)
    for block, console in re.findall(
        r"^```yaml\n# specs/first\.yaml.*?\n(.*?)^```$|^```console\n(.*?)^```$", text, re.M | re.S
    ):
        with spec.open("a", encoding="utf-8") as file:
            file.write(block)
        for line in console.splitlines():
            if line.startswith("sed "):
                subprocess.run(line, shell=True, cwd=folder, check=True)
    return parse(spec.read_text(encoding="utf-8"), file="first.yaml").plain()


def language_examples() -> list[Any]:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    return [
        parse(block, file="language.md").plain()
        for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    ]


def scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def own(name: str) -> str:
    return next((mine for mine, theirs in OWN_NAMES.items() if theirs == name), name)


def at(tree: Tree, path: Steps) -> Any:
    node: Any = tree
    for step in path:
        node = node[step]
    return node


def planted(tree: Tree, path: Steps) -> Tree:
    """The tree with the cursor at a new key or at a value."""
    head, *rest = path
    if rest:
        return {**tree, head: planted(tree.get(head, {}), tuple(rest))}
    return {**tree, head: None if head == "¦" else "¦"}


def empty(tree: Tree, path: Steps = ()) -> Iterator[Steps]:
    """The mappings that say nothing; an arm may."""
    for key, value in tree.items():
        if value == {} and path != ("arms",):
            yield (*path, key)
        elif isinstance(value, dict):
            yield from empty(value, (*path, key))


def rendered(tree: Tree, path: Steps = ()) -> tuple[list[str], list[Steps]]:
    """The lines of a spec and the path that each is about."""
    lines: list[str] = []
    paths: list[Steps] = []
    for key, value in tree.items():
        nested = isinstance(value, dict) and value
        text = "" if nested or value is None else scalar(value)
        lines.append("  " * len(path) + (key if key == "¦" else f"{key}: {text}".rstrip()))
        paths.append((*path, key))
        if nested:
            below = rendered(value, (*path, key))
            lines += below[0]
            paths += below[1]
    return lines, paths


def validate(user: NewUser) -> list[Tree]:
    """What the command line says about the spec, each with the path of its line."""
    lines, paths = rendered(user.tree)
    spec = user.editor.folder / "specs" / "mine.yaml"
    spec.write_text(MODELINE + "\n".join(lines) + "\n", encoding="utf-8")
    found = json.loads(
        call("dataenvgym", "validate", str(spec), "--json", cwd=user.editor.folder, ok=False).stdout
    )["diagnostics"]
    return [{**item, "path": paths[item["line"] - 2]} for item in found]


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewUser]:
    folder = tmp_path_factory.mktemp("user")
    with editor_in(folder / "all", schema_text()) as editor:
        (prompt,) = re.findall(
            r"^```jinja\n\{# specs/(.*?) #\}\n(.*?)^```$",
            (ROOT / "docs" / "first-spec.md").read_text(encoding="utf-8"),
            re.M | re.S,
        )
        (editor.folder / "specs" / prompt[0]).write_text(prompt[1], encoding="utf-8")
        yield NewUser(editor, Pages(folder / "page"))


def test_a_spec_from_completion_and_the_pages_is_valid_at_the_second_try(user: NewUser) -> None:
    user.tree = {}
    user.write()
    skills, teacher, patience = validate(user)
    # Which environment reads skills is what the editor does not know.
    assert (skills["code"], skills["path"]) == ("E204", ("environment",))
    assert "skills: {discover: {kind: gold}}" in skills["help"]
    user.tree["skills"] = {"discover": {"kind": "gold"}}
    assert (teacher["code"], teacher["path"]) == ("E201", ("agent", "engine", "teacher"))
    user.tree["agent"]["engine"]["teacher"] = teacher["help"].removeprefix("allowed here: ")
    assert (patience["code"], patience["path"]) == ("W403", ("loop", "stop", "patience"))
    user.tree["loop"]["iterations"] = re.findall(
        r"run at least (\d+) iterations", patience["help"]
    )[0]
    assert validate(user) == []
    (resolved,) = front_end([user.editor.folder / "specs" / "mine.yaml"], root=user.editor.folder)
    assert [arm.name for arm in resolved.arms] == ["watching", "blind"]
    assert lower((resolved,)).graph.stages


@pytest.mark.parametrize(
    ("path", "key"),
    [(("loop",), "iteration"), (("student", "model"), "revision"), (("arms", "blind"), "task")],
)
def test_the_user_writes_nothing_that_is_not_offered(path: Steps, key: str, user: NewUser) -> None:
    user.tree = {
        "version": "1",
        "student": {"model": {"kind": "scratch"}},
        "loop": {"iterations": "2"},
        "arms": {"blind": {"loop": {"iterations": "2"}}},
    }
    with pytest.raises(AssertionError, match=f"does not offer '{key}'"):
        user.add(path, key)


def test_the_spec_of_a_reader_of_the_pages_is_valid(tmp_path: Path) -> None:
    """Two families, an adapter, three arms, two seeds, an early stop and a sweep that no page has like this."""
    shutil.copytree(ROOT / "tests" / "specs", tmp_path / "specs")
    resolved = front_end([tmp_path / "specs" / "factors.yaml"], root=tmp_path)
    assert [(spec.base.name, [arm.name for arm in spec.arms]) for spec in resolved] == [
        (f"factors-r-{rank}", ["watching", "blind", "greedy"]) for rank in (4, 16)
    ]  # fmt: skip
    assert {stage.kind for stage in lower(resolved).graph.stages} >= {"gate", "train", "select"}
    families = set(
        re.findall(
            r"dataset: (\w+)", (tmp_path / "specs" / "factors.yaml").read_text(encoding="utf-8")
        )
    )
    assert len(families) == 2
    assert not [
        page
        for page in (ROOT / "docs").rglob("*.md")
        if any(f"dataset: {family}" in page.read_text(encoding="utf-8") for family in families)
    ]
