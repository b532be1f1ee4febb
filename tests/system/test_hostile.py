"""A spec is a stranger's file: whatever it holds is rejected with a place and a remedy, or harmless.

The work and the memory for it are bounded. Work is counted, since time depends on what else a machine does.
"""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
import yaml

from dataenvgym_spec import language, resolve
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.compile.rules.capacity import capacity
from dataenvgym_spec.core.errors import CODES, Diagnostic, SpecError, visible
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.schema import experiment_schema
from dataenvgym_spec.language.source import MAX_BYTES, MAX_DEPTH, MAX_NODES
from dataenvgym_spec.language.validate import MAX_FINDINGS
from dataenvgym_spec.questions.explain import resolved
from tests.fuzz import judge as fuzz
from tests.fuzz.heavy import GROWING, HEAVY, MEMORY, aliases
from tests.fuzz.mutation import SPEC
from tests.fuzz.search import fuzz as search
from tests.support.counting import calls, grows_no_faster_than_its_input
from tests.support.repositories import BIN, ROOT, call, environment
from tests.support.specs import TEMPLATE, TINY


def place(folder: Path, text: str | bytes, **files: str | bytes) -> Path:
    """A repository to validate in: a spec, the template it names, and more files under `specs/`."""
    (folder / ".dvc").mkdir(parents=True, exist_ok=True)
    (folder / "specs" / "prompts").mkdir(parents=True, exist_ok=True)
    for name, content in {"prompts/tiny.j2": TEMPLATE, "tiny.yaml": text, **files}.items():
        path = folder / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )
    return folder


def validated(folder: Path, *arguments: str) -> tuple[int, list[dict[str, object]]]:
    """`validate --json` in this process: exit code and diagnostics."""
    code, out, complaints = told(folder, "validate", "--json", *arguments)
    assert code in (0, 2), complaints
    assert "Traceback" not in complaints
    return code, json.loads(out)["diagnostics"] if out else [{"code": "", "message": complaints}]


def told(folder: Path, *arguments: str, encoding: str = "utf-8") -> tuple[int, str, str]:
    """A command in this process: exit code, output, complaints."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return fuzz.run(arguments, encoding=encoding)
    finally:
        os.chdir(before)


def bounded(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The real command as a process of its own, which the system ends at a limit of memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    command = [str(BIN / "dataenvgym"), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=limit,
        timeout=120,
        check=False,
    )


def test_what_is_heavy_is_refused_or_done_in_bounded_memory(tmp_path: Path) -> None:
    """A gigabyte of memory for all: no traceback, exit code 0 or 2, every diagnostic with a place."""
    code = "from tests.fuzz.heavy import heavy; heavy()"
    kept = {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(**kept),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [name for name, _, _ in rows] == list(HEAVY), result.stderr[-2000:]
    assert not {name: problem for name, problem, _ in rows if problem}


def test_growth_is_noticed() -> None:
    def linear(size: int) -> None:
        [abs(number) for number in range(50 * size)]

    assert grows_no_faster_than_its_input(linear, 100)
    assert not grows_no_faster_than_its_input(lambda size: linear(size * size), 10)


@pytest.mark.parametrize("name", GROWING)
def test_twice_a_hostile_spec_is_at_most_twice_the_work(name: str, tmp_path: Path) -> None:
    def validate(size: int) -> None:
        told(place(tmp_path, GROWING[name].make(size)), "validate", "--json")

    assert grows_no_faster_than_its_input(validate, GROWING[name].small)


@pytest.mark.parametrize("name", sorted(HEAVY.keys() - GROWING.keys()))
def test_a_short_spec_that_asks_for_much_is_little_work(name: str, tmp_path: Path) -> None:
    """At most ten times the calls of the small spec, for numbers of any size."""
    usual, asked = (
        calls(partial(told, place(tmp_path / folder, text), "validate", "--json"))
        for folder, text in (("small", TINY), ("heavy", HEAVY[name]()))
    )
    assert asked <= 10 * usual


@pytest.mark.parametrize("name", ["unknown keys on one line", "wrong families", "unknown families"])
def test_many_mistakes_have_few_suggestions(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suggestion compares a name with all that are allowed: the file, each section and each arm have so many at most."""
    compared: list[int] = []

    def closest(word: str, options: tuple[str, ...]) -> str:
        compared.append(len(options))
        return ""

    monkeypatch.setattr("dataenvgym_spec.core.errors._closest", closest)
    code, found = validated(place(tmp_path, GROWING[f"many {name}"].make(2000)))
    assert code == 2
    assert len(found) >= MAX_FINDINGS
    assert len(compared) <= 3 * MAX_FINDINGS


def test_no_pattern_that_a_spec_is_matched_with_repeats_what_repeats() -> None:
    """Such a pattern, as `(a+)+$`, takes exponential time for some texts."""
    assert nests(_parser.parse("(a+)+$"))
    assert not nests(_parser.parse("a+(b*)?$"))
    patterns = set(patterns_of(experiment_schema()))
    for package in (language, resolve):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            constants = vars(import_module(module.name)).values()
            patterns |= {value.pattern for value in constants if isinstance(value, re.Pattern)}
            for value in constants:
                forms = value if isinstance(value, tuple) else ()
                patterns |= {form[0].pattern for form in forms if isinstance(form, tuple)}
    assert len(patterns) > 15
    assert not [pattern for pattern in patterns if nests(_parser.parse(pattern))]


def patterns_of(schema: object) -> list[str]:
    """The patterns of a schema."""
    inner = (
        schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    )
    own = [schema["pattern"]] if isinstance(schema, dict) and "pattern" in schema else []
    found = [item for item in own if isinstance(item, str)]
    return found + [pattern for part in inner for pattern in patterns_of(part)]


def nests(pattern: Any, *, repeated: bool = False) -> bool:
    """Whether a parsed pattern repeats something that holds a repetition."""
    for kind, argument in pattern:
        if kind in (_parser.MAX_REPEAT, _parser.MIN_REPEAT):
            _, most, inner = argument
            if most > 1 and repeated:
                return True
            parts = [(inner, repeated or most > 1)]
        elif kind is _parser.SUBPATTERN:
            parts = [(argument[-1], repeated)]
        elif kind is _parser.BRANCH:
            parts = [(branch, repeated) for branch in argument[1]]
        elif kind in (_parser.ASSERT, _parser.ASSERT_NOT):
            parts = [(argument[1], repeated)]
        else:
            continue
        if any(nests(part, repeated=inside) for part, inside in parts):
            return True
    return False


def test_the_limits_of_size_and_nesting_are_told(tmp_path: Path) -> None:
    for text, words in (
        (b"#" * (MAX_BYTES + 1), str(MAX_BYTES)),
        (aliases(30, 10), str(MAX_NODES)),
        ("[" * 999, str(MAX_DEPTH)),
    ):
        _, found = validated(place(tmp_path, text))
        assert words in found[0]["message"]


def test_files_that_are_extended_are_bounded_together(tmp_path: Path) -> None:
    parents = {f"p{n}.yml": "# " + "x" * (MAX_BYTES // 3) + "\n{}" for n in range(30)}
    place(tmp_path, f"extends: {list(parents)}\n", **parents)
    code, found = validated(tmp_path)
    assert (code, found[0]["code"]) == (2, "E207")
    assert "together" in found[0]["message"]


REJECTED = {
    "not UTF-8": (TINY.encode().replace(b"small", b"sm\xffll"), "E001", "UTF-8"),
    "UTF-16": (TINY.encode("utf-16"), "E001", "UTF-8"),
    "half a surrogate in bytes": (TINY.encode().replace(b"small", b"\xed\xa0\x80"), "E001", "UTF-8"),
    "NUL": (TINY.encode().replace(b"small", b"sm\x00ll"), "E002", "U+0000"),
    "an escape for NUL": (TINY.replace("A spec", '"A\\0" # '), "E003", "U+0000"),
    "a terminal's escape": (TINY.replace("A spec", "A \x1b[2J spec"), "E002", "U+001B"),
    "an escape for a terminal's escape": (TINY.replace("A spec", '"\\e[2J" # '), "E003", "U+001B"),
    "a bell": (TINY.replace("A spec", '"\\a" # '), "E003", "U+0007"),
    "half a surrogate": (TINY.replace("A spec", '"\\ud800" # '), "E003", "U+D800"),
    "no character": (TINY.replace("A spec", '"\\U00110000" # '), "E002", "cannot be parsed"),
    "a Python object": (TINY.replace("description: A", "description: !!python/object/apply:os.system [touch MARKER] # "), "E003", "!!python"),
    "a Python name": (TINY.replace("iterations: 2", "iterations: !!python/name:os.system 2"), "E003", "!!python"),
    "a tag behind an anchor": (TINY.replace("iterations: 2", "iterations: &x !!python/name:os.system 2"), "E003", "!!python"),
    "a tagged key": (TINY.replace("  iterations: 2", "  !!python/name:os.system iterations: 2"), "E003", "!!python"),
    "a binary": (TINY.replace("A spec", "!!binary aGk= # "), "E003", "!!binary"),
    "a tag of one's own": ("%TAG ! tag:x,2000:\n---\n" + TINY.replace("iterations: 2", "iterations: !y 2"), "E003", "tag"),
    "a merge key": (TINY.replace("loop:\n", "loop:\n  <<: {iterations: 3}\n"), "E003", "merge"),
    "a large integer": (TINY.replace("iterations: 2", "iterations: 9223372036854775808"), "E003", "64 bits"),
    "a small integer": (TINY.replace("iterations: 2", "iterations: -9223372036854775809"), "E003", "64 bits"),
    "a large hexadecimal": (TINY.replace("max_value: 30", "max_value: 0xffffffffffffffffff"), "E003", "64 bits"),
    "infinity": (TINY.replace("floor: 0.2", "floor: -.INF"), "E003", "finite"),
    "no number": (TINY.replace("floor: 0.2", "floor: .NaN"), "E003", "finite"),
    "a large exponent": (TINY.replace("floor: 0.2", "floor: 1e400"), "E003", "finite"),
    "a line break after a name": (TINY.replace("name: tiny", 'name: "tiny\\n"'), "E106", "name"),
    "a line break after an arm": (TINY.replace("  no-state:", '  "no-state\\n":'), "E003", "U+000A"),
    "a command for a name": (TINY.replace("name: tiny", "name: $(touch MARKER)"), "E106", "name"),
    "a command for an arm": (TINY.replace("  with-state:", "  '; touch MARKER;':"), "E106", "no valid name"),
    "a Cyrillic letter": (TINY.replace("iterations:", "iter\u0430tions:"), "E102", "U+0430 CYRILLIC SMALL LETTER A"),
    "full width": (TINY.replace("iterations:", "\uff49terations:"), "E102", "U+FF49 FULLWIDTH LATIN SMALL LETTER I"),
    "a combining accent": (TINY.replace("iterations:", "iteratio\u0301ns:"), "E102", "U+0301 COMBINING ACUTE ACCENT"),
    "zero width": (TINY.replace("iterations:", "itera\u200btions:"), "E003", "U+200B ZERO WIDTH SPACE"),
    "a soft hyphen": (TINY.replace("iterations:", "itera\u00adtions:"), "E003", "U+00AD SOFT HYPHEN"),
    "right to left": (TINY.replace("iterations:", "\u202esnoitareti:"), "E003", "U+202E RIGHT-TO-LEFT OVERRIDE"),
    "an isolate": (TINY.replace("iterations:", "\u2066iterations:"), "E003", "U+2066 LEFT-TO-RIGHT ISOLATE"),
    "a hard space": (TINY.replace("  iterations:", "  \u00a0iterations:"), "E003", "U+00A0 NO-BREAK SPACE"),
    "a lookalike component": (TINY.replace("kind: allocate", "kind: all\u043ecate"), "E105", "U+043E CYRILLIC SMALL LETTER O"),
    "a lookalike value": (TINY.replace("dtype: float32}\n  gen", "dtype: fl\u043eat32}\n  gen"), "E106", "U+043E CYRILLIC SMALL LETTER O"),
    "a lookalike family": (TINY.replace("        sum:", "        s\u03c5m:"), "E106", "\u03c5"),
    "a hub id that climbs": (TINY.replace("score:", "  climbs: {kind: hub, id: ../x, revision: '" + "0" * 40 + "', fields: {input: q, target: a}}\n  score:", 1), "E106", "../x"),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_what_no_spec_may_hold_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    text, code, words = REJECTED[name]
    assert text not in (TINY, TINY.encode())
    place(tmp_path, text)
    exit_code, found = validated(tmp_path)
    assert exit_code == 2
    mine = [
        item
        for item in found
        if item["code"] == code and words in f"{item['message']} {item['help']}"
    ]
    assert mine, found
    assert all(item["line"] >= 1 and item["column"] >= 1 and item["help"] for item in mine)
    assert not list(tmp_path.rglob("MARKER"))


def test_a_lookalike_is_told_with_what_was_meant(tmp_path: Path) -> None:
    for text in ("iter\u0430tions", "\uff49\uff54\uff45\uff52ations"):
        _, found = validated(place(tmp_path, TINY.replace("iterations:", f"{text}:")))
        (item,) = [item for item in found if item["code"] == "E102"]
        assert "did you mean 'iterations'?" in item["help"]


def test_what_is_printed_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Names and messages are a stranger's too: control characters are shown as escapes, at most so many characters of each."""
    found = Diagnostic(
        code="E102",
        message="unknown key '\x1b[31m\u202e\r\n" + "x" * 9999,
        help="\x07",
        notes=("\x9b",),
    ).render()
    assert all(letter.isprintable() or letter == "\n" for letter in found)
    assert "\\x1b[31m\\u202e\\r\\n" in found
    assert len(found) < 1000
    assert visible("ä") == "ä"
    place(tmp_path, TINY.replace("arm: with-state", 'arm: "\\u202ewith"'))
    result = bounded(tmp_path, "validate")
    assert "\u202e" not in result.stderr
    assert "\\u202ewith" in result.stderr
    _, _, complaints = told(tmp_path, "validate", "specs/\x1b[2Jx.yaml")
    assert "\\x1b[2Jx.yaml" in complaints
    assert "\x1b" not in complaints


@pytest.mark.parametrize(
    "encoding",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_a_terminal_that_knows_ascii_only_gets_every_message(
    tmp_path: Path, encoding: dict[str, str]
) -> None:
    place(tmp_path, TINY.replace("iterations:", "iter\u0430tions:"))
    result = bounded(tmp_path, "validate", **encoding)
    assert (result.returncode, "\\u0430" in result.stderr) == (2, True), result.stderr
    place(tmp_path, TINY.replace("A spec", "\u00dcber \U0001f600"))
    for command in (
        ["validate"],
        ["show", "tiny"],
        ["explain", "tiny", "description"],
        ["validate", "--set", "description=\u00fc"],
    ):
        code, _, complaints = told(tmp_path, *command, encoding="ascii")
        assert code == 0, complaints
    result = bounded(tmp_path, "validate", "--set", os.fsdecode(b"description=\xff"), **encoding)
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)


# --- files ------------------------------------------------------------------------------------------------------------


def told_about(folder: Path, old: str, new: str) -> dict[str, object]:
    """The only diagnostic of a spec with one edit; it is about a file."""
    assert old in TINY
    code, found = validated(place(folder, TINY.replace(old, new, 1)))
    assert code == 2
    assert {item["code"] for item in found} == {"E203"}, found
    return found[0]


def test_no_path_leads_out_of_the_repository(tmp_path: Path) -> None:
    root, outside = tmp_path / "repo", tmp_path / "outside"
    place(root, TINY)
    outside.mkdir()
    (outside / "secret.j2").write_text("x", encoding="utf-8")
    (outside / "secret.yml").write_text("{}", encoding="utf-8")
    (root / "specs" / "link.j2").symlink_to(outside / "secret.j2")
    (root / "specs" / "link").symlink_to(outside)
    (root / "specs" / "link.yml").symlink_to(outside / "secret.yml")
    for name in (
        "../../outside/secret.j2",
        str(outside / "secret.j2"),
        "link.j2",
        "link/secret.j2",
        "prompts/../../../outside/secret.j2",
    ):
        assert (
            "outside the repository" in told_about(root, "prompts/tiny.j2", f"'{name}'")["message"]
        )
    for name in (
        "../../outside/secret.yml",
        str(outside / "secret.yml"),
        "link.yml",
        "link/secret.yml",
    ):
        assert (
            "outside the repository"
            in told_about(root, "version: 1\n", f"version: 1\nextends: '{name}'\n")["message"]
        )
    model = TINY[TINY.index("    kind: scratch") : TINY.index("  train: {length")]
    for name in ("../../outside", "link"):
        assert (
            "outside the repository"
            in told_about(root, model, f"    kind: path\n    path: {name}\n")["message"]
        )
    (outside / "secret.jsonl").write_text('{"q": "1", "a": "1"}\n', encoding="utf-8")
    (root / "specs" / "link.jsonl").symlink_to(outside / "secret.jsonl")
    for name in (
        "../../outside/secret.jsonl",
        str(outside / "secret.jsonl"),
        "link.jsonl",
        "link/secret.jsonl",
    ):
        source = f"    other: {{kind: jsonl, path: '{name}', fields: {{input: q, target: a}}}}\n"
        assert (
            "outside the repository" in told_about(root, "  score:", f"{source}  score:")["message"]
        )


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    place(tmp_path, TINY)
    specs = tmp_path / "specs"
    os.mkfifo(specs / "pipe")
    (specs / "circle").symlink_to("circle")
    (specs / "gone").symlink_to("nowhere")
    (specs / "deep.j2").write_text("{{" + "(" * 90_000, encoding="utf-8")
    (specs / "digits.j2").write_text("{{ " + "9" * 9000 + " }}", encoding="utf-8")
    (specs / "large.j2").write_text("x" * 2_000_000, encoding="utf-8")
    (specs / "latin.j2").write_bytes(b"\xff")
    (specs / "${x}.j2").write_text("x", encoding="utf-8")
    (specs / "plain.j2").symlink_to("${x}.j2")
    for name in (
        "pipe",
        "circle",
        "gone",
        "deep.j2",
        "digits.j2",
        "large.j2",
        "latin.j2",
        "plain.j2",
        "x" * 5000,
        '"a\\nb"',
        ".",
        "''",
        "'~/x'",
    ):
        found = told_about(tmp_path, "prompts/tiny.j2", name)
        assert found["line"] == 27
    for name in ("pipe", "circle", "gone", "x" * 5000):
        assert told_about(tmp_path, "version: 1\n", f"version: 1\nextends: {name}\n")["line"] == 2
    source = "other: {kind: jsonl, path: pipe, fields: {input: q, target: a}}"
    assert "ordinary" in told_about(tmp_path, "  score:", f"    {source}\n  score:")["message"]


def test_a_models_configuration_is_a_strangers_too(tmp_path: Path) -> None:
    model = TINY[TINY.index("    kind: scratch") : TINY.index("  train: {length")]
    place(tmp_path, TINY)
    (tmp_path / "specs" / "model").mkdir()
    for text in ("[" * 100_000, '{"hidden_size": 1e999}', "\0", "[]", "{" + " " * 500_000 + "}"):
        (tmp_path / "specs" / "model" / "config.json").write_text(text, encoding="utf-8")
        assert (
            "config.json"
            in told_about(tmp_path, model, "    kind: path\n    path: model\n")["message"]
        )
    for text in (
        '{"hidden_size": 0, "num_attention_heads": 0}',
        '{"hidden_size": -1, "num_attention_heads": true}',
        '{"hidden_size": ' + "9" * 400 + "}",
    ):
        (tmp_path / "specs" / "model" / "config.json").write_text(text, encoding="utf-8")
        validated(place(tmp_path, TINY.replace(model, "    kind: path\n    path: model\n")))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"min_value": None},
        {"min_value": "1"},
        {"min_value": 1, "max_value": 5, "min_numbers": -(10**18), "max_numbers": 2},
    ],
)
def test_the_size_of_an_odd_family_is_not_known(config: dict[str, object]) -> None:
    (sizes,) = definition("source", "reasoning-gym").marked("x-sizes").values()
    assert len(sizes["formulas"]) >= 8
    for dataset in sizes["formulas"]:
        assert capacity(sizes, {"dataset": dataset, "config": config}) in (None, 5)


# --- what is harmless -------------------------------------------------------------------------------------------------

NASTY = "'$(touch MARKER)` touch MARKER` ; touch MARKER & ${x} {{ 7*7 }} {% raw %} \" \\ # %s \u202e \U0001f600"


def harmless() -> str:
    """The small spec with shell and Jinja in every slot that takes any text."""
    quoted = json.dumps(NASTY, ensure_ascii=False)
    text = TINY.replace(
        "description: A spec small enough for a test.", f"description: {quoted}\n$schema: {quoted}"
    )
    text = text.replace(
        "  score: {kind: reasoning-gym}", "  score: {kind: exact-match, after: " + quoted + "}"
    )
    key = json.dumps(NASTY.replace("\u202e", ""), ensure_ascii=False)
    other = f"{key}: {{kind: jsonl, path: {json.dumps(ITEMS, ensure_ascii=False)}, fields: {{input: {quoted}, target: {quoted}, group: {quoted}, cluster: {quoted}}}}}"
    hub = f"{{kind: hub, id: a/b, revision: '{'0' * 40}', configs: [{quoted}], split: {quoted}, fields: {{input: q, target: a}}}}"
    text = text.replace(
        "  score:",
        f"    {other}\n    hub: {hub}\n    one: {hub.replace(f'[{quoted}]', quoted, 1)}\n"
        f"    listed: {other.split(': ', 1)[1]}\n  score:",
        1,
    )
    text = text.replace(
        "test: {from: problems, draw: {per_group: 6}}", "test: {from: listed, draw: {items: 10}}"
    )
    text = text.replace(
        "teachers:\n", f"teachers:\n  {key}: {{kind: procedural, source: problems}}\n"
    )
    # What the options of generators hold is known but for a few.
    inner = f"{{board_format_opts: {{{key}: {quoted}}}}}"
    text = text.replace(
        "      families:\n",
        f"      families:\n        odd: {{dataset: arc_agi, config: {inner}}}\n"
        f"        ciphers: {{dataset: caesar_cipher, config: {{delimiter: {quoted}}}}}\n",
        1,
    )
    text += "baselines: {odd: {prompt: {template: prompts/tiny.j2}}}\n"
    return text.replace("prompts/tiny.j2", json.dumps(TEMPLATE_NAME, ensure_ascii=False))


ELSEWHERE = {
    "agent.engine.teacher", "analysis.contrasts.[].against", "analysis.contrasts.[].arm", "student.model.pretrain.source", "teachers.*.source",
    "analysis.contrasts.[].skill", "analysis.contrasts.[].slice.*", "analysis.contrasts.[].split", "noise.of",
    "extends", "extends.[]", "student.model.path",
    "agent.checks.verified.prompt", "agent.checks.verified.teacher", "agent.engine.prompt", "agent.engine.solver.prompt", "agent.engine.solver.teacher",
    "agent.engine.fields.group", "agent.engine.fields.input", "agent.engine.fields.metadata",
    "agent.engine.fields.target", "agent.engine.fields.worse", "agent.engine.path", "agent.engine.source",
    "agent.policy.after", "agent.policy.source", "teachers.*.model.path", "teachers.*.model.pretrain.source", "task.sources.*.solutions",
    "agent.policy.prompt", "agent.policy.teacher", "agent.observe.student.arm", "data_from.arm", "environment.subskills.prompt", "environment.subskills.source", "environment.subskills.teacher",
    "agent.checks.image-agrees.prompt", "agent.checks.image-agrees.teacher", "student.model.vocabulary.source", "teachers.*.model.vocabulary.source",
    "agent.engine.painter.path",
    "task.sources.*.api", "task.sources.*.images", "task.sources.*.questions", "task.sources.*.fields.before", "task.sources.*.fields.slices.*",
    "task.sources.*.join.source", "task.sources.*.join.on", "task.sources.*.join.equals",
    "task.sources.*.without.source", "task.sources.*.without.on", "task.sources.*.without.equals", "task.score.among.[]",
    "skills.discover.assign_template", "skills.discover.embedder",
    "skills.discover.group_template", "skills.discover.label_template", "skills.discover.path", "skills.discover.teacher",
}  # fmt: skip
"""Texts that must be the name of something: of a part of the spec (E201), or of a file or a folder that is there (E203)."""

SPOKEN = {"student.prompt.system", "baselines.*.prompt.system"}
"""Texts of a conversation, which needs a model that has a template of one."""

ASKED = {
    "agent.engine.painter.model", "agent.engine.task", "agent.policy.topic", "environment.subskills.lists.*.[]", "environment.subskills.topic", "skills.discover.fallback", "skills.discover.topic", "teachers.*.api_version", "teachers.*.model",
}  # fmt: skip
"""Texts that go to a language model or a service, of which the small spec has none."""


def texts(part: dict[str, Any], path: tuple[str, ...] = ()) -> set[str]:
    """The paths at which the schema takes any text."""
    definitions = experiment_schema()["definitions"]
    if "$ref" in part:
        return texts(definitions[part["$ref"].rsplit("/", 1)[-1]], path)
    free = part.get("type") == "string" and not {"enum", "const", "pattern"} & part.keys()
    options = (
        part.get("type") == "object"
        and "properties" not in part
        and "additionalProperties" not in part
    )
    found = {".".join(path)} if free else {".".join((*path, "*"))} if options else set()
    inner = [(child, (*path, key)) for key, child in part.get("properties", {}).items()]
    inner += (
        [(part["additionalProperties"], (*path, "*"))]
        if isinstance(part.get("additionalProperties"), dict)
        else []
    )
    inner += [(part["items"], (*path, "[]"))] if "items" in part else []
    inner += [(option, path) for key in ("anyOf", "allOf", "oneOf") for option in part.get(key, ())]
    inner += [(part[key], path) for key in ("then", "else") if key in part]
    return found.union(*(texts(child, where) for child, where in inner if isinstance(child, dict)))


def nasty(value: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of a spec at which there is shell."""
    if isinstance(value, dict):
        return {found for key, child in value.items() for found in nasty(child, (*path, str(key)))}
    if isinstance(value, list):
        return {found for child in value for found in nasty(child, (*path, "[]"))}
    return {path} if "touch MARKER" in str(value) else set()


def test_every_slot_that_takes_any_text_is_among_the_harmless() -> None:
    whole = experiment_schema()["definitions"]["spec"]["properties"]
    slots = texts(
        {"properties": {key: part for key, part in whole.items() if key != "arms"}}
    )  # an arm says what the rest of a spec says
    used = nasty(yaml.safe_load(harmless()))
    tried = {
        slot
        for slot in slots
        for path in used
        if len(path) == slot.count(".") + 1
        and all(a in ("*", b) for a, b in zip(slot.split("."), path, strict=True))
    }
    assert slots - tried == ELSEWHERE | SPOKEN | ASKED


ITEMS = "it; touch MARKER; `touch MARKER` $(touch MARKER) \"quoted\" 'too' {{ 7*7 }} # %x & \u00e9\U0001f600.jsonl"
TEMPLATE_NAME = "$(touch MARKER) {{ 7*7 }}; .j2"


def test_shell_and_jinja_in_every_text_reach_no_command(repo: Path) -> None:
    rows = "".join(json.dumps({NASTY: f"{NASTY} {n}"}) + "\n" for n in range(300))
    (repo / "specs" / ITEMS).write_text(rows, encoding="utf-8")
    (repo / "specs" / TEMPLATE_NAME).write_text(
        TEMPLATE + NASTY.replace("{% raw %}", ""), encoding="utf-8"
    )
    (repo / "specs" / "tiny.yaml").write_text(harmless(), encoding="utf-8")
    for command in (
        ["validate"],
        ["compile"],
        ["plan"],
        ["show", "tiny"],
        ["explain", "tiny", "description"],
        ["graph", "tiny"],
        ["compile", "--check"],
    ):
        call("dataenvgym", *command, cwd=repo)
    commands = {
        stage["cmd"]
        for path in [repo / "dvc.yaml", *repo.glob("store/*/dvc.yaml")]
        for stage in yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].values()
    }
    assert commands == {
        'exec env PATH="$PATH:../../.venv/bin" dataenvgym stage',
        'exec env PATH="$PATH:.venv/bin" dataenvgym stage tiny',
    }
    (data,) = [
        path
        for path in repo.glob("store/data-*/dvc.yaml")
        if ".jsonl" in path.read_text(encoding="utf-8")
    ]
    assert (
        f"../../specs/{ITEMS}"
        in yaml.safe_load(data.read_text(encoding="utf-8"))["stages"]["data"]["deps"]
    )
    listed = call("dvc", "stage", "list", "--all", cwd=repo).stdout
    assert len(listed.splitlines()) == len(list(repo.glob("store/*/dvc.yaml"))) + 1
    call("dvc", "repro", f"store/{data.parent.name}/dvc.yaml:data", cwd=repo)
    assert (
        len((data.parent / "out" / "test" / "items.jsonl").read_text(encoding="utf-8").splitlines())
        == 10
    )
    assert not [path for path in repo.rglob("MARKER*") if path.is_file()]


def test_what_show_prints_of_odd_texts_is_the_same_experiment(tmp_path: Path) -> None:
    """YAML 1.1, which PyYAML writes, and YAML 1.2 disagree on which plain texts are numbers."""
    for text in (
        "1e5",
        "0o17",
        "0x1f",
        "1_000",
        "yes",
        "~",
        "1:30",
        "=",
        "<<",
        ".5",
        "-",
        "#",
        "&a",
        "!x",
        "a: b",
        " ",
        "\n",
        "a\n b\n",
        "\u2028",
        "\u00e9",
    ):
        key = json.dumps(text if text.isprintable() else "y")
        inner = f"{{board_format_opts: {{x: {json.dumps(text)}, {key}: 1}}}}"
        odd = f"        odd: {{dataset: arc_agi, config: {inner}}}\n"
        place(tmp_path, TINY.replace("      families:\n", f"      families:\n{odd}", 1))
        before = front_end([tmp_path / "specs" / "tiny.yaml"], root=tmp_path)
        code, out, complaints = told(tmp_path, "show", "tiny")
        assert code == 0, complaints
        (tmp_path / "specs" / "shown.yaml").write_text(out, encoding="utf-8")
        after = front_end([tmp_path / "specs" / "shown.yaml"], root=tmp_path)
        assert {stage.id for stage in lower(before).graph.stages} == {
            stage.id for stage in lower(after).graph.stages
        }, text
        assert resolved(after[0])["task"] == resolved(before[0])["task"]
        (tmp_path / "specs" / "shown.yaml").unlink()


@pytest.mark.parametrize(
    "setting",
    [
        "loop.iterations=!!python/name:os.system",
        "a." * 999 + "b=1",
        "description=" + "[" * 9999,
        "x=" + "&a [*a]",
        "loop=\x1b[2J",
        "=",
        "description",
        "description='\\",
        "name=$(x)",
    ],
)
def test_settings_of_the_command_line_are_read_as_carefully(tmp_path: Path, setting: str) -> None:
    code, _, complaints = told(place(tmp_path, TINY), "validate", "--set", setting)
    assert code == 2, complaints
    assert re.search(r"error\[E\d{3}\]", complaints)
    assert "\x1b" not in complaints


def test_a_sweep_of_a_long_name_has_names_that_dvc_takes(tmp_path: Path) -> None:
    text = (
        TINY.replace("name: tiny", f"name: {'n' * 64}")
        + f"matrix: [{{name: {'p' * 60}a, loop.iterations: 1}}, {{name: {'p' * 60}b, loop.iterations: 3}}]\n"
    )
    place(tmp_path, text)
    names = [
        spec.base.name for spec in front_end([tmp_path / "specs" / "tiny.yaml"], root=tmp_path)
    ]
    assert len(set(names)) == 2
    assert all(len(name) <= 64 for name in names)


def test_an_argument_that_is_no_file_name(tmp_path: Path) -> None:
    place(tmp_path, TINY)
    for name in (
        "x" * 5000,
        "x" * 5000 + ".yaml",
        "/dev/null",
        "specs",
        "-",
        "",
        "a\nb",
        os.fsdecode(b"\xff"),
    ):
        code, _, complaints = told(tmp_path, "validate", name)
        assert code == 2, (name[:20], complaints[-500:])


def test_a_short_run_of_the_fuzzer_finds_nothing() -> None:
    said: list[str] = []
    tally = search(250, seed=int(os.environ.get("FUZZ_SEED", "3")), say=said.append)
    assert not tally.findings, said
    assert tally.exits["validate 0"] > 10 < tally.exits["validate 2"]


def test_the_fuzzer_notices_what_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours, a hang, an executed text, and another experiment from `show`: each is a finding."""
    files = {SPEC: TINY.encode(), "specs/prompts/tiny.j2": TEMPLATE.encode()}
    monkeypatch.chdir(tmp_path)
    assert fuzz.judge(files, ("validate",), tmp_path, fuzz.Tally()) == ""

    def planted(what: Callable[[], object], limit: float = fuzz.ENDLESS) -> str:
        with monkeypatch.context() as patch:
            patch.setattr("dataenvgym_spec.compile.rules.table.check", lambda _: what())
            return fuzz.judge(files, ("validate",), tmp_path, fuzz.Tally(limit=limit))

    def busy() -> None:
        while True:
            pass

    assert "exit code 1" in planted(lambda: 1 / 0)
    assert "takes more than" in planted(busy, limit=0.3)
    assert "executed" in planted(lambda: [(tmp_path / "MARKER").touch()][:0])
    with monkeypatch.context() as patch:
        patch.setattr(
            "dataenvgym_spec.cli.show.resolved",
            lambda spec, arm=None: {
                **resolved(spec, arm=arm),
                "loop": {"iterations": 9, "teach": {"examples": 1}},
            },
        )
        assert "another experiment" in fuzz.judge(files, ("show", "tiny"), tmp_path, fuzz.Tally())


def test_every_code_of_a_hostile_spec_is_in_the_catalogue() -> None:
    assert {code for _, code, _ in REJECTED.values()} <= set(CODES)
    with pytest.raises(SpecError):
        front_end([Path("none.yaml")], root=Path.cwd())
