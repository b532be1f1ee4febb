"""What must and what must not change a key, as properties: the same experiment in other words, files and orders; any other value."""

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.emit.index import complete
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.schema import experiment_schema
from dataenvgym_spec.language.source import parse
from dataenvgym_spec.questions.explain import leaves, resolved
from dataenvgym_spec.records.agreement import disagreements
from dataenvgym_spec.resolve.merge import KeyPath
from tests.support import teachers
from tests.support.repositories import PACKAGE, ROOT, call
from tests.support.specs import EXACT, TEMPLATE, TINY, TREE
from tests.support.writing import split, written

Tree = Any

RANDOM = st.integers(0, 2**32).map(random.Random)
SWEEP = (
    TINY.replace("arms:", "seeds: {run: [0, 1]}\narms:")
    + "matrix: {agent.policy.floor: [0.2, 0.5]}\n"
)
ADAPTED = TINY.replace("hidden_size: 32", "hidden_size: 64").replace(
    "train: {length: {steps: 6}", "train: {adapter: {kind: lora, r: 4}, length: {steps: 6}"
)
ADAPTED += "baselines: {brief: {prompt: {template: prompts/other.j2}}}\n"
QUICKSTART = (ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8")
SPECS = {"tiny": TINY, "sweep": SWEEP, "adapted": ADAPTED, "quickstart": QUICKSTART}
FIELDS = "fields: {input: q, target: a, group: g, cluster: c}"
FINITE = (
    ADAPTED.replace("  score: {kind: reasoning-gym}", "  score: {kind: exact-match, after: 'A:'}")
    .replace("  score:", f"    listed: {{kind: jsonl, path: items.jsonl, {FIELDS}}}\n  score:")
    .replace(
        "  score:",
        f"    hub: {{kind: hub, id: maker/sums, revision: {'a' * 40}, configs: [one, two], split: train, {FIELDS}}}\n  score:",
    )
    .replace(
        "test: {from: problems, draw: {per_group: 6}}", "test: {from: listed, draw: {per_group: 2}}"
    )
    .replace("selection: {from: problems", "selection: {from: hub")
    .replace("duplicate: {action: reject}", "duplicate: {action: reject}, known: {action: record}")
    .replace("iterations: 2", "iterations: 4\n  stop: {patience: 1}")
    .replace("  no-state: {agent: {observe: nothing}}\n", "")
    .split("analysis:")[0]
)
"""Finite sources, another scorer, a check that reads the student, a loop that can stop."""
SCRATCH = FINITE[FINITE.index("    kind: scratch") : FINITE.index("  train: {")]
ON_HUB = FINITE.replace(SCRATCH, f"    kind: hub\n    id: maker/small\n    revision: {'b' * 40}\n")
ON_DISK = FINITE.replace(SCRATCH, "    kind: path\n    path: student\n").replace(
    "max_new_tokens: 5", "max_new_tokens: 5, temperature: 0.7, top_p: 0.9, samples: 2"
)
FAMILY = "{topic: lists, steps: 2, largest: 9}"
CODING = (
    TINY.replace(TINY[TINY.index("  kind: math") : TINY.index("  splits:")], f"""\
  kind: code
  sources:
    problems: {{kind: programs, families: {{sum: {FAMILY}, lcm: {FAMILY}}}, tests: 4, examples: 1}}
    completed: {{kind: humaneval, path: items.jsonl, teaches: body}}
    short: {{kind: mbpp, path: items.jsonl, tasks: train, asserts: 2}}
    contests: {{kind: livecodebench, path: items.jsonl, since: "2024-01-01", before: "2025-01-01", solutions: items.jsonl}}
  score: {{kind: programs}}
""")
    .replace("test: {from: problems, draw: {per_group: 6}}", "test: {from: contests, draw: {items: 6}}")
    .replace("selection: {from: problems, draw: {per_group: 4}}", "selection: {from: short, draw: {items: 4}}")
    .replace("student:\n", "    pool: {from: completed, draw: {items: 4}}\nstudent:\n", 1)
    .replace("prompts/tiny.j2", "prompts/words.j2")
    .replace("  checks: {", "  checks: {executes: {action: record}, ")
)  # fmt: skip
"""A task of programs, with each of their sources."""
TOOLS = "{topic: lists, asks: chain, steps: 3, offered: 3, largest: 9}"
CALLING = (
    TINY.replace(TINY[TINY.index("  kind: math") : TINY.index("  splits:")], f"""\
  kind: tool-use
  sources:
    problems: {{kind: small-tools, families: {{sum: {TOOLS}, lcm: {TOOLS}}}}}
    published: {{kind: bfcl, path: student, categories: [multiple, parallel]}}
    plans: {{kind: mnms, path: items.jsonl, api: items.jsonl}}
  score: {{kind: calls}}
""")
    .replace("test: {from: problems, draw: {per_group: 6}}", "test: {from: published, draw: {items: 6}}")
    .replace("selection: {from: problems, draw: {per_group: 4}}", "selection: {from: plans, draw: {items: 4}}")
    .replace("prompts/tiny.j2", "'builtin:question'")
    .replace("  checks: {", "  checks: {calls: {action: record}, ")
)  # fmt: skip
"""A task of calls, with each of their sources."""
JUDGES = ("kind: plans, depth: names, alternatives: true", "kind: call-f1, unit: edges")
"""Its other scorers."""
SHAPES = "{asks: count, objects: 3}"
SEEING = (
    CODING.replace(CODING[CODING.index("  kind: code") : CODING.index("  splits:")], f"""\
  kind: vqa
  sources:
    problems: {{kind: shapes, families: {{sum: {SHAPES}, lcm: {SHAPES}}}, pixels: 24, questions: 2}}
    completed: {{kind: image-folder, path: student, images: "i/{{}}", fields: {{input: q, target: a, image: i, group: g}}}}
    short: {{kind: gqa, path: items.jsonl, images: student}}
    contests: {{kind: naturalbench, path: student}}
  score: {{kind: vqa-accuracy}}
""")
    .replace(CODING[CODING.index("    kind: scratch") : CODING.index("  train: {")], "    kind: paligemma\n    vocabulary: {source: problems}\n")
    .replace("kind: procedural, teacher: generator, oversample", "kind: repainted, teacher: generator, painter: {kind: noise}, oversample")
    .replace("executes: {action: record}", "image-agrees: {action: record}, near-image: {action: record}")
)  # fmt: skip
"""A task of questions about images, with each of their sources."""
DRAWN = SEEING.replace("kind: noise", "kind: shapes").replace(
    "kind: vqa-accuracy", "kind: multiple-choice"
)
SIZED = "steps: 2, guidance: 1.5, width: 64, height: 64, variant: fp16"
DIFFUSED = SEEING.replace(
    "kind: noise", f"kind: diffusers, id: maker/sd, revision: {'b' * 40}, {SIZED}"
)
ON_DISK_DIFFUSED = SEEING.replace("kind: noise", f"kind: diffusers-folder, path: student, {SIZED}")
SERVED = SEEING.replace("kind: noise", "kind: image-service, model: brush, quality: low")
PAINTED = SEEING.replace(
    "teachers:\n", "teachers:\n  writer: {kind: openai, model: eyes}\n"
).replace(
    "kind: repainted, teacher: generator", "kind: painted, teacher: writer, show_images: true"
)
PLANNED = PAINTED.replace(
    "policy: {kind: allocate, power: 1.0, floor: 0.2}",
    "policy: {kind: llm, teacher: writer, show_images: true}",
)
OTHER_FILES = {
    "1024x1024": "512x512",
    "2024-01-01": "2024-02-01",
    "2025-01-01": "2025-02-01",
    "items.jsonl": "others.jsonl",
    "prompts/tiny.j2": "prompts/other.j2",
    "prompts/other.j2": "prompts/tiny.j2",
    "student": "other-student",
    "builtin:examples": "prompts/words.j2",
    "builtin:answer": "prompts/words.j2",
    "builtin:image-agrees": "prompts/words.j2",
    "builtin:pictures": "prompts/words.j2",
    "builtin:question": "prompts/words.j2",
    "builtin:propose-subskills": "prompts/words.j2",
    "builtin:decide": "prompts/words.j2",
}
"""A file is its content: another one, for each that a spec here names."""

few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plain(text: str) -> Tree:
    return parse(text, file="").plain()


def fill(folder: Path) -> Path:
    """Puts the files there that the specs name."""
    (folder / "prompts").mkdir()
    (folder / "prompts" / "quickstart.j2").write_bytes(
        (ROOT / "specs" / "prompts" / "quickstart.j2").read_bytes()
    )
    for name, more in (("tiny", ""), ("other", " ")):
        (folder / "prompts" / f"{name}.j2").write_text(TEMPLATE + more, encoding="utf-8")
    (folder / "prompts" / "words.j2").write_text("Write.", encoding="utf-8")
    for name, count in (("items", 90), ("others", 91)):
        rows = [
            {"q": f"question {n}", "a": f"answer {n}", "g": "gf"[n % 2], "c": n}
            for n in range(count)
        ]
        rows = [
            {**row, **{f"{column}x": value for column, value in row.items()}} for row in rows
        ]  # other columns, as `others` names them
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    for name in ("student", "other-student"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    return folder


def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder with the files that the specs name."""
    return fill(tmp_path_factory.mktemp("keys"))


def compiled(folder: Path, *texts: str, name: str = "spec") -> Compiled:
    """What some specs compile to together."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{name}{number}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return lower(front_end(paths, root=folder))


def keys(given: Compiled) -> set[str]:
    return {stage.id for stage in given.graph.stages}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory)


@cache
def known(name: str) -> frozenset[str]:
    """The keys of a spec as it is written in this file."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        return frozenset(keys(compiled(fill(Path(place).resolve()), SPECS[name])))


# --- what changes nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECS)
@few
@given(rng=RANDOM)
def test_any_style_of_writing_gives_the_same_keys(
    folder: Path, name: str, rng: random.Random
) -> None:
    text = written(plain(SPECS[name]), rng)
    assert plain(text) == plain(SPECS[name]), text
    assert keys(compiled(folder, text)) == known(name), text


@pytest.mark.parametrize("name", SPECS)
@few
@given(rng=RANDOM)
def test_any_split_into_files_gives_the_same_keys(
    folder: Path, name: str, rng: random.Random
) -> None:
    parent, child = split(plain(SPECS[name]), rng)
    if rng.random() < 0.5:
        middle, child = split(child, rng)
        (folder / "middle.yml").write_text(
            written({**middle, "extends": "parent.yml"}, rng), encoding="utf-8"
        )
        child["extends"] = "middle.yml"
    else:
        child["extends"] = ["parent.yml"]
    (folder / "parent.yml").write_text(written(parent, rng), encoding="utf-8")
    assert keys(compiled(folder, written(child, rng))) == known(name), (parent, child)


@pytest.mark.parametrize("name", ["tiny", "adapted", "quickstart"])
@few
@given(rng=RANDOM)
def test_spelled_out_defaults_change_no_key(folder: Path, name: str, rng: random.Random) -> None:
    (spec,) = compiled(folder, SPECS[name]).specs
    tree = plain(SPECS[name])
    for path, value in leaves(resolved(spec)):
        if rng.random() < 0.5 and "arms" not in path:
            _plant(tree, path, value)
    assert keys(compiled(folder, written(tree, rng))) == known(name), tree


def _plant(tree: Tree, path: KeyPath, value: Tree) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            return
    tree.setdefault(path[-1], value)


@few
@given(
    rng=RANDOM, text=st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn"]), max_size=30)
)
def test_names_descriptions_and_what_the_report_compares_change_no_key(
    folder: Path, rng: random.Random, text: str
) -> None:
    tree = plain(TINY)
    tree["name"], tree["description"] = rng.choice(["other", "x", "A-1"]), text
    contrast = {
        "arm": "no-state",
        "against": "with-state",
        "student": rng.choice(["best", "last"]),
        "primary": rng.random() < 0.5,
    }
    tree["analysis"] = rng.choice([{}, {"contrasts": []}, {"contrasts": [contrast]}])
    names = {"with-state": "seeing", "no-state": rng.choice(["blind", "no-state"])}
    if not tree["analysis"].get("contrasts"):
        tree["arms"] = {names[name]: override for name, override in tree["arms"].items()}
    tree["$schema"] = "anywhere.json"
    assert keys(compiled(folder, written(tree, rng))) == known("tiny")


def test_machine_and_tracking_change_no_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DATAENVGYM_TRACK",
        "DATAENVGYM_PROCESSES",
        "DATAENVGYM_DEVICE",
        "MLFLOW_TRACKING_URI",
        "CUDA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "LANG",
        "TZ",
    ):
        monkeypatch.setenv(name, "3")
    assert keys(compiled(folder, TINY)) == known("tiny")


def test_no_part_of_the_compiler_reads_the_environment() -> None:
    """Hardware profiles are variables of the environment: what cannot read them cannot put them into a key."""
    for wing in ("language", "resolve", "graph", "compile", "emit"):
        for path in sorted((PACKAGE / wing).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            assert not {
                "os.environ",
                "getenv",
                "gethostname",
                "getuser",
                "time.time",
                "cpu_count",
            } & set(re.findall(r"[\w.]+", text)), path


@few
@given(rng=RANDOM)
def test_two_people_write_the_same_experiment(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random
) -> None:
    """In other words, files, orders and folders, with other defaults spelled out, beside other specs: the same keys."""
    folder = folder_of(tmp_path_factory)
    (spec,) = compiled(folder, TINY).specs
    tree = plain(TINY)
    for path, value in leaves(resolved(spec)):
        if rng.random() < 0.3 and path[0] != "arms":
            _plant(tree, path, value)
    parent, child = split({**tree, "name": "theirs", "description": "in other words"}, rng)
    theirs = folder / "their" / "experiments"
    (theirs / "prompts").mkdir(parents=True)
    (theirs / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (theirs / "base.yml").write_text(written(parent, rng), encoding="utf-8")
    (theirs / "mine.yaml").write_text(
        written({**child, "extends": "base.yml"}, rng), encoding="utf-8"
    )
    (folder / "quickstart.yaml").write_text(QUICKSTART, encoding="utf-8")
    paths = rng.sample([theirs / "mine.yaml", folder / "quickstart.yaml"], 2)
    both = lower(front_end(paths, root=folder))
    mine = {
        stage.id for stage in both.graph.stages for use in stage.uses if use.experiment == "theirs"
    }
    assert mine == known("tiny")
    assert keys(both) == known("tiny") | known("quickstart")


# --- what changes something -------------------------------------------------------------------------------------------

NO_RESULT = ("version", "name", "description", "analysis", "arms")
"""Sections whose values say how an experiment is called and looked at. The arms are other values of the sections that follow."""

REFERENCES = {"from", "source", "teacher"}
"""Names of other parts of the spec: another name is the same part, or an error."""


def others(value: Tree, part: dict[str, Any]) -> list[Tree]:
    """Other values of a leaf that its schema may allow."""
    if "enum" in part:
        return [item for item in part["enum"] if item not in (value, None)]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2, value - 1, [value + 1]]
    if isinstance(value, float):
        return [value + 0.01, value / 2, value * 2, 0.25]
    if isinstance(value, list):
        return [value[:-1], value[1:]]
    if value in OTHER_FILES:
        return [OTHER_FILES[value]]
    return [f"{value} ", f"{value}x", f"{value[:-1]}f"]


def schema_at(path: KeyPath, tree: Tree) -> dict[str, Any]:
    """The schema of the value at a path of a whole spec."""
    known = experiment_schema()["definitions"]
    found: list[dict[str, Any]] = [known["spec"]]
    holder = tree
    for step in path:
        holder = holder[step]
        parts = [part for item in found for part in _branches(item, known)]
        found = [part["properties"][step] for part in parts if step in part.get("properties", {})]
        found = found or [
            part["additionalProperties"]
            for part in parts
            if isinstance(part.get("additionalProperties"), dict)
        ]
    ends = [part for item in found for part in _branches(item, known)]
    # Of components whose options are called the same, the one that knows the value.
    closed = [part for part in ends if "enum" in part]
    closed.sort(key=lambda part: holder not in part["enum"])
    return (closed or ends or [{}])[0]


def _branches(part: dict[str, Any], known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and everything that it refers to."""
    yield part
    inner = [known[part["$ref"].rsplit("/", 1)[1]]] if "$ref" in part else []
    for item in [
        *inner,
        *part.get("allOf", []),
        *part.get("anyOf", []),
        *(part[way] for way in ("then", "else") if isinstance(part.get(way), dict)),
    ]:
        yield from _branches(item, known)


PLACES = {
    ("task", "sources", "*"): "source",
    ("task", "score"): "scorer",
    ("student", "model"): "model",
    ("student", "train", "adapter"): "adapter",
    ("student", "train", "method"): "trainer",
    ("skills", "discover"): "discovery",
    ("teachers", "*"): "teacher",
    ("agent", "policy"): "policy",
    ("agent", "engine", "painter"): "painter",
    ("agent", "engine"): "engine",
    ("agent", "checks", "*"): "check",
    ("environment", "subskills"): "proposer",
    ("environment",): "environment",
}
"""Where a spec has components, and of which slot."""

NEVER_VARIED = {
    ("environment", "skill-tree", "subskills"): "a component of its own",
    ("proposer", "by-source", "source"): "the name of a part of the spec",
    ("policy", "two-way", "source"): "the name of a part of the spec",
    ("proposer", "listed", "source"): "the name of a part of the spec",
    ("proposer", "llm", "teacher"): "the name of a part of the spec",
    ("policy", "llm", "teacher"): "the name of a part of the spec",
    ("teacher", "procedural", "source"): "the name of a part of the spec",
    ("teacher", "procedural", "seed"): "the page on agents has it, as a control",
    ("engine", "procedural", "teacher"): "the name of a part of the spec",
    ("engine", "repainted", "teacher"): "the name of a part of the spec",
    ("engine", "repainted", "painter"): "a component of its own",
    ("engine", "painted", "teacher"): "the name of a part of the spec",
    ("engine", "painted", "painter"): "a component of its own",
    ("check", "image-agrees", "teacher"): "the name of a part of the spec",
    ("scorer", "multiple-choice", "among"): "words of one form",
    ("engine", "label-only", "teacher"): "the name of a part of the spec",
    ("engine", "expert-iteration", "teacher"): "the name of a part of the spec",
    ("engine", "expert-iteration", "source"): "the name of a part of the spec",
    ("check", "verified", "teacher"): "the name of a part of the spec",
    ("engine", "llm", "teacher"): "the name of a part of the spec",
    ("discovery", "llm", "teacher"): "the name of a part of the spec",
    ("discovery", "llm", "label_template"): "a file, by its content",
    ("discovery", "llm", "group_template"): "a file, by its content",
    ("discovery", "llm", "assign_template"): "a file, by its content",
    ("discovery", "file", "path"): "a file, by its content",
    ("discovery", "file", "fallback"): "needs such a file",
    ("discovery", "clusters", "embedder"): "a folder, by its content",
    ("source", "files", "layout"): "a file has one layout",
    ("scorer", "programs", "sandbox"): "a component of its own",
    ("check", "executes", "sandbox"): "a component of its own",
    ("check", "calls", "sandbox"): "a component of its own",
    ("trainer", "dpo", "shuffle"): "it is said or not",
    ("trainer", "dpo", "worse"): "needs an engine with a file",
    ("trainer", "kto", "shuffle"): "it is said or not",
    ("trainer", "kto", "worse"): "needs an engine with a file",
    ("trainer", "grpo", "shuffle"): "it is said or not",
    ("adapter", "lora", "rslora"): "it is said or not",
    ("backend", "vllm", "separate_batches"): "it is said or not",
    ("adapter", "lora", "targets"): "names of one form",
    ("adapter", "dora", "rslora"): "it is said or not",
    ("adapter", "dora", "targets"): "names of one form",
    ("adapter", "qlora", "rslora"): "it is said or not",
    ("adapter", "qlora", "targets"): "names of one form",
    ("teacher", "scripted", "most"): "of a teacher that these tests bring along",
}
"""Options of components that have no other value here, and why."""


def option_at(path: KeyPath, tree: Tree) -> tuple[str, str, str] | None:
    """The slot, kind and option of a component that a path of a whole spec leads to or into."""
    for place, slot in PLACES.items():
        if len(path) > len(place) and all(
            mine in ("*", step) for mine, step in zip(place, path, strict=False)
        ):
            holder = tree
            for step in path[: len(place)]:
                holder = holder[step]
            return (
                slot,
                path[len(place) - 1] if slot == "check" else holder["kind"],
                path[len(place)],
            )
    return None


def is_circumstance(option: tuple[str, str, str] | None) -> bool:
    """Whether an option is declared to change no result."""
    if option is None:
        return False
    slot, kind, name = option
    item = definitions()[slot].get(kind)
    return item is not None and (name,) in item.marked("x-circumstance")


MORE = {
    "policy outside": ", name: mine",
    "policy llm": ", teacher: writer",
    "label-only": ", teacher: writer",
    "from-file": ", path: items.jsonl, fields: {input: q, target: a}",
    "two-way": ", source: problems, each: 9",
    "verified": ", teacher: writer",
    "alternating": ", each: 5, most_examples: 50",
    "fill-balanced": ", each: 5",
    "openai": ", model: m, temperature: 0.5, top_p: 0.9",
    "azure": ", model: m, temperature: 0.5, top_p: 0.9",
    "vllm": ", model: {kind: path, path: student}, thinking: true",
    "vllm-server": ", model: {kind: path, path: student}",
    "student": ", thinking: true",
    "grpo": ", sampler: transformers",
    "expert-iteration": ", teacher: writer",
    "llm": ", teacher: writer, reasoning: true, solver: {teacher: writer}",
}
"""What kinds need besides."""
DISCOVERIES = (
    "{kind: llm, teacher: writer}",
    "{kind: clusters}",
    "{kind: clusters, count: 2}",
)
WRITTEN_TREE = "{kind: skill-tree, subskills: {kind: llm, teacher: writer}}"
DRAWING = ("max_new_tokens: 5", "max_new_tokens: 5, temperature: 0.7, samples: 2")


LISTED_TREE = TREE.replace(
    "kind: by-source", "kind: listed, lists: {sum: [as set, harder], lcm: [as set, harder]}"
)


LISTED = f"{{kind: jsonl, path: items.jsonl, {FIELDS}}}"
COMPARED = (
    "bad_rows: skip, join: {source: others, on: q}, without: {source: others, on: c, equals: c}"
)
TABLES = (
    f"{{kind: files, path: items.jsonl, {FIELDS}, {COMPARED}}}",
    f"{{kind: hub, id: a/b, revision: {'a' * 40}, layout: messages, {COMPARED}}}",
)
"""Sources of rows, with all that they can say of them."""


def agents() -> Iterator[tuple[str, KeyPath]]:
    """Specs with the components of agents that the others do not have, and where they stand."""
    parts = {
        "policy": "{kind: allocate, power: 1.0, floor: 0.2}",
        "engine": "{kind: procedural, teacher: generator, oversample: 2}",
        "check": "{scorable: {action: reject}, duplicate: {action: reject}, overlap: {action: reject}}",
    }
    pool = "    pool: {from: problems, draw: {per_group: 40}}\nstudent:\n"
    blind = "  no-state: {agent: {observe: nothing}}\n"
    seeing = TINY.replace("student:\n", pool, 1).replace(blind, "").partition("analysis:")[0]
    seeing = seeing.replace(*EXACT)
    # Its heads are as wide as vLLM takes them.
    served = seeing.replace("hidden_size: 32", "hidden_size: 64")
    for kind in ("openai", "azure", "vllm", "vllm-server", "student"):
        writer = f"teachers:\n  writer: {{kind: {kind}{MORE[kind]}}}\n"
        asking = served.replace("teachers:\n", writer)
        said = f"{{kind: llm{MORE['llm']}}}"
        yield asking.replace(parts["engine"], said), ("teachers", "writer")
    seeing = seeing.replace("teachers:\n", "teachers:\n  writer: {kind: scripted}\n")
    for slot, usual in parts.items():
        assert usual in seeing
        for kind in definitions()[slot]:
            if kind in usual or "task" in definitions()[slot][kind].serves:
                continue
            drawing = "sampling" in definitions()[slot][kind].serves.get("decoding", ())
            placed = seeing.replace(*DRAWING) if drawing else seeing
            if slot == "check":
                said = f"{{{kind}: {{action: record{MORE.get(kind, '')}}}}}"
                yield placed.replace(usual, said), ("agent", "checks", kind)
            else:
                (works_in,) = definitions()[slot][kind].serves.get("environment", ("skill-list",))[
                    :1
                ]
                where = TREE if works_in == "skill-tree" else works_in
                placed = placed.replace("environment: skill-list", f"environment: {where}")
                more = MORE.get(f"{slot} {kind}", MORE.get(kind, ""))
                said = f"{{kind: {kind}{more}}}"
                yield placed.replace(usual, said), ("agent", slot)
    for said in DISCOVERIES:
        yield seeing.replace("discover: {kind: gold}", f"discover: {said}"), ("skills", "discover")
    for kind in ("math-verify", "boxed", "gsm8k", "minerva"):
        yield seeing.replace("{kind: exact-match}", f"{{kind: {kind}}}"), ("task", "score")
    adapter = ("student", "train", "adapter")
    for kind in ("lora", "dora", "qlora"):
        said = f"train: {{adapter: {{kind: {kind}}}, length"
        yield seeing.replace("train: {length", said), adapter
    for kind in ("dpo", "kto", "grpo"):
        said = f"train: {{method: {{kind: {kind}{MORE.get(kind, '')}}}, length"
        yield served.replace("train: {length", said), ("student", "train", "method")
    told = "    told: {kind: word-problems, families: {sum: {story: give}, lcm: {story: bags}}}\n"
    told = seeing.replace("  score:", f"{told}  score:", 1)
    yield told.replace("test: {from: problems", "test: {from: told"), ("task", "sources", "told")
    for table in TABLES:
        asked = seeing.replace("  score:", f"    told: {table}\n    others: {LISTED}\n  score:", 1)
        asked = asked.replace(
            "test: {from: problems, draw: {per_group: 6}}", "test: {from: told, draw: {items: 2}}"
        )
        yield asked, ("task", "sources", "told")
    grown = seeing.replace(parts["policy"], "{kind: threshold}")
    yield grown.replace("skill-list", TREE), ("environment",)
    yield grown.replace("skill-list", LISTED_TREE), ("environment", "subskills")
    written = grown.replace(parts["engine"], f"{{kind: llm{MORE['llm']}}}")
    yield written.replace("skill-list", WRITTEN_TREE), ("environment", "subskills")


@pytest.fixture
def teacher() -> Iterator[None]:
    """A language model for whatever asks one."""
    with pytest.MonkeyPatch.context() as patch:
        teachers.install(patch)
        yield
    teachers.forget()


@pytest.mark.usefixtures("teacher")
@pytest.mark.parametrize("all_values", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_other_value_of_every_leaf_changes_a_key(folder: Path, all_values: bool) -> None:
    """One other value of each leaf, or all that are tried."""
    changed: set[str] = set()
    alone: set[str] = set()
    options: set[tuple[str, str, str] | None] = set()
    specs = [(text, ()) for text in (ADAPTED, FINITE, ON_HUB, ON_DISK)]
    specs += [(CODING, ("task",)), (CODING, ("agent", "checks", "executes"))]
    specs += [(CALLING, ("task",)), (CALLING, ("agent", "checks", "calls"))]
    specs += [(CALLING.replace("kind: calls", kind), ("task", "score")) for kind in JUDGES]
    specs += [(SEEING, ("task",)), (SEEING, ("student", "model")), (SEEING, ("agent", "engine"))]
    specs += [(DRAWN, ("task", "score")), (DRAWN, ("agent", "engine"))]
    specs += [(text, ("agent", "engine")) for text in (SERVED, DIFFUSED, ON_DISK_DIFFUSED)]
    specs += [
        (PAINTED, ("agent", "engine")),
        (PLANNED, ("agent", "policy")),
        (SEEING, ("agent", "checks")),
    ]
    for text, within in specs + list(agents()):
        found = compiled(folder, text)
        (spec,), (entry,) = found.specs, found.graph.entries
        assert [*disagreements(complete(entry, found.graph))] == []
        whole = resolved(spec)
        before = keys(compiled(folder, text))
        assert keys(compiled(folder, json.dumps(whole))) == before
        for path, value in leaves(whole):
            named = ".".join(path)
            if (
                path[: len(within)] != within
                or path[0] in NO_RESULT
                or path[-1] in REFERENCES
                or path[-1] == "kind"
                or is_circumstance(option_at(path, whole))
                or (named in changed and not within)
                or value == {}  # varied where something is in it
                or (named == "student.generate.top_p" and "temperature: 0.7" not in text)
            ):
                continue
            done = 0
            for other in (item for item in others(value, schema_at(path, whole)) if item != value):
                after = _keys_with(folder, whole, path, other)
                assert after != before, (path, value, other)
                done += after is not None
                if done and not all_values:
                    break
            (changed if done else alone).add(named)
            if done:
                options.add(option_at(path, whole))
    assert len(changed) > 70
    # What has no other valid value here: closed choices of one, a data set's name, the lower of two
    # bounds that are equal, a conversation with a model that has no template of one.
    ends = {path.rsplit(".", 1)[-1] for path in alone - changed}
    files = {"label_template", "group_template", "assign_template"}
    closed = files | {
        "among",
        "targets",
        "worse",
        "environment",
        "method",
        "of",
        "start_from",
        "ties",
        "dataset",
        "chat",
    }
    assert ends <= closed | {"min_digits", "min_numbers"}
    there = {
        (slot, kind, option)
        for slot, kinds in definitions().items()
        for kind, it in kinds.items()
        for option in it.schema.get("properties", {})
        if not is_circumstance((slot, kind, option))
    }
    assert there - options == set(NEVER_VARIED)
    assert {
        "loop.stop.patience",
        "task.sources.listed.fields.cluster",
        "task.sources.hub.revision",
    } <= changed


def test_batches_apart_are_another_evaluation_and_left_out_they_are_in_no_key(folder: Path) -> None:
    found = []
    for backend in ("vllm", "{kind: vllm}", "{kind: vllm, separate_batches: true}"):
        text = TINY.replace("heads: 2", "heads: 1")
        text = text.replace("generate: {dtype", f"generate: {{backend: {backend}, dtype")
        found.append(keys(compiled(folder, text)))
    plain, mapping, apart = found
    assert plain == mapping
    assert len(plain & apart) and len(plain - apart)


def _keys_with(folder: Path, whole: Tree, path: KeyPath, value: Tree) -> set[str] | None:
    """The keys with another value at a path; None if it is not allowed there."""
    tree = deepcopy(whole)
    holder: Any = tree
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    try:
        return keys(compiled(folder, json.dumps(tree)))
    except SpecError:
        return None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: allocate, power: 1.0, floor: 0.2", "kind: allocate, power: 1.0"),
        ("score: {kind: reasoning-gym}", "score: {kind: exact-match}"),
        ("observe: {scores: true, yield: true, errors: 1}", "observe: nothing"),
        ("{steps: 6}, learning_rate: 1e-3", "{epochs: 6}, learning_rate: 1e-3"),
        ("dataset: lcm", "dataset: gcd"),
        ("{per_group: 6}", "{items: 6}"),
        ("train: {length", "train: {adapter: {kind: lora}, length"),
        ("train: {length", "train: {adapter: {kind: lora, rslora: true}, length"),
        ("train: {length", "train: {method: dpo, length"),
        ("train: {length", "train: {adapter: {kind: lora, targets: [q_proj]}, length"),
        ("draw: {per_group: 4}}", "draw: {per_group: 4}, share: 0.06}"),
        ("duplicate: {action: reject}, ", ""),
        ("lcm: {dataset", "LCM: {dataset"),
        ("prompts/tiny.j2", "'builtin:question'"),
    ],
)
def test_another_component_choice_or_name_changes_a_key(folder: Path, old: str, new: str) -> None:
    assert old in TINY
    assert keys(compiled(folder, TINY.replace(old, new, 1))) != known("tiny")


# --- loops, arms, seeds, sweeps, files --------------------------------------------------------------------------------


def places(given: Compiled) -> dict[tuple[str, int, int | None, str], Stage]:
    return {
        (use.arm, use.seed, use.iteration, use.what): stage
        for stage in given.graph.stages
        for use in stage.uses
    }


@few
@given(
    short=st.integers(1, 4),
    more=st.integers(1, 4),
    refill=st.integers(0, 2),
    train_on=st.sampled_from(["all", "latest"]),
    last=st.booleans(),
)
def test_a_stage_of_a_longer_loop_has_the_key_it_has_in_a_shorter_one(
    folder: Path, short: int, more: int, refill: int, train_on: str, last: bool
) -> None:
    tree = plain(TINY)
    tree["loop"] |= {"train_on": train_on, "teach": {"examples": 10, "refill": refill}}
    tree |= {"seeds": {"run": [3, 5]}, "select": {"by": "last" if last else "selection.accuracy"}}
    loops = [
        places(
            compiled(folder, json.dumps({**tree, "loop": {**tree["loop"], "iterations": count}}))
        )
        for count in (short, short + more)
    ]
    inside = {
        place: stage.id
        for place, stage in loops[0].items()
        if place[2] is not None or place[3].startswith(("draw", "reserve"))
    }
    assert len(inside) > 10 * short
    assert inside.items() <= {place: stage.id for place, stage in loops[1].items()}.items()


@few
@given(rng=RANDOM)
def test_specs_together_have_the_stages_they_have_alone_each_once(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random
) -> None:
    """Across arms, seeds, points of a sweep and files, prefixes of loops included."""
    folder = folder_of(tmp_path_factory)
    texts = []
    for number in range(3):
        tree = plain(TINY)
        tree["name"] = f"e{number}"
        tree["loop"]["iterations"] = rng.choice([1, 2, 3])
        tree["seeds"] = {"run": rng.sample(range(3), rng.choice([1, 2]))}
        if rng.random() < 0.5:
            tree["matrix"] = rng.choice(
                [
                    {"agent.policy.floor": [0.2, 0.5]},
                    [{"name": "a", "loop.iterations": 1}, {"name": "b", "loop.iterations": 2}],
                ]
            )
        if rng.random() < 0.3:
            tree["arms"]["again"] = {"agent": {"policy": {"power": 2.0}}}
        texts.append(written(tree, rng))
    together, alone = compiled(folder, *texts), [compiled(folder, text) for text in texts]
    assert keys(together) == set().union(*map(keys, alone))
    assert together.unshared == sum(item.unshared for item in alone)
    assert len(together.graph.stages) == len(keys(together)) < together.unshared
    assert sum(len(stage.uses) for stage in together.graph.stages) == together.unshared
    bases = {
        stage.id
        for stage in together.graph.stages
        if stage.kind in ("student", "reserve", "skills")
        or (stage.kind == "evaluate" and stage.uses[0].iteration == 0)
    }
    assert (
        len(bases) == 6
    )  # one base, reserve and skills; base evaluations on selection, test and feedback: for all files, arms and seeds


def test_compile_prints_stages_before_and_after_sharing(repo: Path) -> None:
    (repo / "specs" / "second.yaml").write_text(
        SWEEP.replace("name: tiny", "name: second"), encoding="utf-8"
    )
    told = call("dataenvgym", "compile", cwd=repo).stdout
    made = lower(
        front_end([repo / "specs" / "second.yaml", repo / "specs" / "tiny.yaml"], root=repo)
    )
    assert f": {len(made.graph.stages)} stages ({made.unshared} before sharing), " in told
    assert len(list((repo / "store").iterdir())) == len(made.graph.stages) < made.unshared
