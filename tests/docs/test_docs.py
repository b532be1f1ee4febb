"""What docs/ shows is executed: commands in a copy of a finished repository, specs by the compiler; links lead somewhere.

A page is gone through from top to bottom. A block of YAML that begins with a comment naming a file (`# specs/mine.yaml`) is
written there, or added to it (`# specs/mine.yaml, continued`); one of Jinja is written likewise (`{# specs/prompts/mine.j2 #}`). Any other block of YAML
is a spec, or what a spec says on top of `base.yaml`, and must be valid. Each line of a console block is run. A block of text must
follow a console block and is what its last line prints, `...` standing for any lines, and any number for a number below `VARY`.
"""

import json
import re
import runpy
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.language.reference import reference
from tests.support.commands import environment, inside
from tests.support.pages import BLOCK, NAMED, VARY, blocks, pattern
from tests.support.repositories import ROOT, call, shell
from tests.support.specs import TEMPLATE

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "diagnostics")
APART = {"library.md", "paper-cell.md", "cluster-tutorial.md"}
"""Pages with tests of their own: test_library_page.py (the first two), test_cluster_tutorial.py."""
CONSOLE = [
    path
    for path in PAGES
    # Those of some pages need more, such as a cluster: tests of their own.
    if "```console" in path.read_text(encoding="utf-8") and path.name not in APART
]
LINKED = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted(DOCS.rglob("*.md")),
]


def name(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


@pytest.fixture
def desk(copy_of_finished: Path) -> Path:
    """The finished repository, with what the pages take for granted."""
    repo = copy_of_finished
    (repo.parent / "storage").mkdir()
    (repo / ".venv" / "bin").mkdir(parents=True)
    (repo / ".venv" / "bin" / "activate").touch()
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "finished", "--allow-empty", cwd=repo)
    return repo


@pytest.mark.parametrize("path", CONSOLE, ids=name)
def test_every_shown_command_runs_and_says_what_is_shown(path: Path, desk: Path) -> None:
    said = ""
    for language, text in blocks(path):
        if language in NAMED and (named := NAMED[language].match(text)):
            target = desk / named[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a" if named[2] else "w", encoding="utf-8") as file:
                file.write(text[named.end() :])
        elif language == "console":
            for line in text.splitlines():
                said = run(line, desk, may_fail=said_to_fail(path, text))
        elif language == "text":
            assert said, f"no command above prints this:\n{text}"
            vary = f"{VARY}```text\n{text}" in path.read_text(encoding="utf-8")
            assert re.fullmatch(pattern(stand_in(text), vary=vary), said), (
                f"{said}\n--- is not\n{text}"
            )
        if language != "console":
            said = ""
    # What DVC's views write is no business of git.
    assert "dvc_plots" not in call("git", "status", "--porcelain", cwd=desk).stdout


def test_the_notebook_runs_and_prints_what_is_shown(desk: Path) -> None:
    """Its blocks of Python are one session; the text below a block is what the block prints."""
    program, shown, mark = "", [], "--- the block ends"
    for language, text in blocks(DOCS / "notebook.md"):
        if language == "python":
            program += f"{stand_in(text)}\nprint({mark!r})\n"
            shown.append("")
        elif language == "text":
            shown[-1] = text
    (desk / "notebook.py").write_text(program, encoding="utf-8")
    notebook = partial(runpy.run_path, "notebook.py")
    ran = inside(notebook, "notebook.py", cwd=desk, environ=environment())
    printed = ran.stdout
    assert printed.split(f"{mark}\n")[:-1] == shown


def run(line: str, repo: Path, *, may_fail: bool) -> str:
    if line.startswith("make "):
        # Making takes minutes and is done by a slow test; here the target must be known to make.
        subprocess.run(["make", "-n", *line.split()[1:]], cwd=ROOT, check=True, capture_output=True)
        return ""
    result = shell(stand_in(line), cwd=repo, ok=not may_fail)
    assert "Traceback" not in result.stdout
    assert "internal error" not in result.stdout
    return result.stdout


def stand_in(text: str) -> str:
    """The finished repository has another spec than the pages speak of."""
    return text.replace("quickstart", "tiny")


def said_to_fail(path: Path, console: str) -> bool:
    """Whether the page shows an error below a block of commands."""
    after = path.read_text(encoding="utf-8").partition(f"```console\n{console}```\n")[2]
    shown = BLOCK.match(after.lstrip("\n"))
    return shown is not None and shown[1] == "text" and "error" in shown[2]


def test_a_text_that_is_not_printed_is_noticed() -> None:
    assert re.fullmatch(pattern("a\n...\nb 2\n", vary=False), "a\nx\ny\nb 2\n")
    assert not re.fullmatch(pattern("a\nb 2\n", vary=False), "a\nb 3\n")
    assert re.fullmatch(pattern("time 3.5 s to 1,057.4 s\n", vary=True), "time 61 s to 7.2 min\n")
    assert not re.fullmatch(
        pattern("time 3.5 s to 57.4 s\n", vary=True), "time 3.5 s up to 57.4 s\n"
    )


@pytest.mark.parametrize(
    "path", [path for path in PAGES if "```text" in path.read_text(encoding="utf-8")], ids=name
)
def test_every_shown_text_stands_below_what_prints_it(path: Path) -> None:
    languages = [language for language, _ in blocks(path)]
    assert [
        number
        for number, language in enumerate(languages)
        if language == "text"
        and (number == 0 or languages[number - 1] not in ("console", "python"))
    ] == []


def specs(path: Path) -> list[str]:
    """The blocks of YAML in a page that are specs, or parts of one, and no steps of a walk-through."""
    return [
        text
        for language, text in blocks(path)
        if language == "yaml" and not NAMED["yaml"].match(text)
    ]


@pytest.mark.parametrize("path", [path for path in PAGES if specs(path)], ids=name)
def test_every_shown_spec_is_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    folder = tmp_path / "specs"
    base = (folder / "quickstart.yaml").read_text(encoding="utf-8")
    # It can judge and ask what a model writes, too, which has no metadata.
    base = base.replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}")
    base = base.replace("prompts/quickstart.j2", "builtin:question")
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    (folder / "quickstart.yaml").unlink()
    outside = tmp_path.with_name(f"{tmp_path.name}-models")
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"models={outside}")
    own = [folder / "models" / model for model in ("mine", "small", "all-MiniLM-L6-v2")]
    for model in (*own, outside / "gemma-2"):
        model.mkdir(parents=True)
        (model / "config.json").write_text(
            '{"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_attention_heads": 2}'
        )
    chatty = Path(shutil.copytree(folder / "models" / "mine", folder / "models" / "chatty"))
    (chatty / "chat_template.jinja").write_text("{{ enable_thinking }}", encoding="utf-8")
    rows = [
        f'{{"question": "{n} + 1 =", "answer": "{n + 1}", "topic": "t{n % 3}"}}\n'
        for n in range(400)
    ]
    (folder / "items.jsonl").write_text("".join(rows), encoding="utf-8")
    (folder / "exam.jsonl").write_text("".join(rows[:50]), encoding="utf-8")
    _other_tables(folder, [json.loads(row) for row in rows])
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    for number, text in enumerate(specs(path)):
        head = "" if re.search(r"^(version|extends):", text, re.M) else "extends: base.yaml\n"
        head += "" if re.search(r"^name:", text, re.M) else "name: shown\n"
        spec = folder / f"shown{number}.yaml"
        spec.write_text(head + text, encoding="utf-8")
        assert lower(front_end([spec], root=tmp_path)).graph.stages


def _other_tables(folder: Path, rows: list[dict[str, str]]) -> None:
    """The rows in the other formats and layouts that pages name, with a template that shows earlier turns."""
    exam, answers, chats = ["question,answer,topic"], ["asked,reply"], []
    for row in rows:
        answers.append(f"{row['question']},{row['answer']}")
        said = {"user": row["question"], "assistant": row["answer"]}
        turns = [{"role": role, "content": text} for role, text in said.items()]
        earlier = [{"role": "system", "content": "Add."}] if len(chats) % 2 else []
        chats.append(json.dumps({"topic": row["topic"], "messages": [*earlier, *turns]}))
    exam += [",".join(row.values()) for row in rows[:50]]
    for name, lines in {"exam.csv": exam, "answers.csv": answers, "chats.jsonl": chats}.items():
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    turns = "{% for turn in before %}{{ turn.role }}: {{ turn.text }} {% endfor %}{{ input }}"
    (folder / "prompts" / "turns.j2").write_text(turns, encoding="utf-8")


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    named = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.M))
    assert {*re.findall(r"\]\[([^\]]+)\]", text)} == {*named}
    for target in (*re.findall(r"\]\(([^)\s]+)\)", text), *named.values()):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_named_file_is_there(path: Path) -> None:
    for file in re.findall(
        r"`((?:dataenvgym_spec|schemas|benchmarks|tests|docs)/[\w./]*\w)`",
        path.read_text(encoding="utf-8"),
    ):
        assert (ROOT / file).exists(), file


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [
        name(path) for path in PAGES if path.name != "README.md" and f"]({name(path)})" not in index
    ] == []
    assert "](docs/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


# --- the language reference -------------------------------------------------------------------------------------------


def test_the_committed_reference_is_the_one_that_is_generated(tmp_path: Path) -> None:
    assert (DOCS / "language.md").read_text(encoding="utf-8") == reference()
    assert call("dataenvgym", "schema", "--reference", cwd=tmp_path).stdout == reference()


def test_the_reference_has_every_key_of_every_spec_that_is_shipped() -> None:
    from dataenvgym_spec.questions.explain import leaves, plain

    (spec,) = front_end([ROOT / "specs" / "quickstart.yaml"], root=ROOT)
    text = reference()
    for path, _ in leaves(plain(spec.arms[0])):
        known = [
            ".".join(path[start:end])
            for start in range(len(path))
            for end in range(start + 1, len(path) + 1)
        ]
        assert any(f"| `{key}` |" in text or f"### `{key}`\n" in text for key in known), path


def test_a_component_of_an_installed_package_is_in_the_reference(tmp_path: Path) -> None:
    site = ROOT / "tests" / "diagnostics" / "E204-environment" / "site"
    text = call(
        "dataenvgym", "schema", "--reference", cwd=tmp_path, PYTHONPATH=f"{site}:{ROOT}"
    ).stdout
    assert (
        "#### policy `climb`\n\nPlans along a tree of skills. Serves the environment `skill-tree`. Comes with the package `climb`."
        in text
    )


def test_write_refreshes_the_reference_only_where_there_is_one(repo: Path) -> None:
    call("dataenvgym", "schema", "--write", cwd=repo)
    assert not (repo / "docs").exists()
    (repo / "docs").mkdir()
    (repo / "docs" / "language.md").write_text("old", encoding="utf-8")
    assert "docs/language.md written" in call("dataenvgym", "schema", "--write", cwd=repo).stdout
    assert (repo / "docs" / "language.md").read_text(encoding="utf-8") == reference()
