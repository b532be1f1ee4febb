"""Inputs of the fuzzer: the shipped specs, mutated in their bytes, lines, tokens, trees and in the files they name."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.language.source import parse
from tests.support.repositories import ROOT
from tests.support.specs import TEMPLATE, TINY
from tests.support.writing import split, written

Files = dict[str, bytes]

SPEC = "specs/tiny.yaml"

SHELL = [
    "$(touch MARKER)",
    "`touch MARKER`",
    "; touch MARKER #",
    "| touch MARKER",
    "\n touch MARKER",
    "&& touch MARKER",
    "' ; touch MARKER '",
    '" ; touch MARKER "',
]
JINJA = [
    "{{ 7 * 7 }}",
    "{% for x in range(99) %}{{ x }}{% endfor %}",
    "${problems}",
    "${x",
    "{{ ''.__class__.__mro__ }}",
    "{# #}",
    "{%",
    "{{" * 400,
]
PATHS = [
    "../../../../etc/passwd",
    "/etc/passwd",
    "~/x",
    ".",
    "..",
    "",
    "a/../../b",
    "//etc",
    "prompts",
    "specs/tiny.yaml",
    "tiny.yaml",
    "x" * 5000,
    "a\0b",
    "builtin:x",
]
ODD = [
    "\u0430gent",
    "\uff41gent",
    "a\u200bgent",
    "\u202etnega",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "\x1b[2J",
    "\x07",
    "\u2028",
    "\x85",
    "e\u0301",
]
WORDS = [
    "yes",
    "no",
    "null",
    "~",
    "on",
    "=",
    "<<",
    "*",
    "&",
    "!",
    "|",
    ">",
    "%",
    "@",
    "- a",
    "? a",
    ": a",
    "# a",
    "''",
    '"',
    "[",
    "{",
    "1e5",
    "0o17",
    "0x1f",
    "1_000",
    "12:30",
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    3,
    64,
    999,
    1000,
    10**9,
    10**9 + 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**63,
    10**30,
    0.0,
    -0.0,
    0.5,
    1.0,
    1e-300,
    5e-324,
    1e308,
    -1.5,
]
STRINGS = [
    *SHELL,
    *JINJA,
    *PATHS,
    *ODD,
    *WORDS,
    "a" * 2000,
    "",
    " ",
    "problems",
    "sum",
    "with-state",
    "gold",
    "scratch",
    "path",
    "jsonl",
    "hub",
    "lora",
    "vllm",
    "test",
]
LITERALS = [
    ".inf", "-.Inf", ".nan", "1e999", "-1e999", "9" * 30, "9" * 5000, "0x" + "f" * 30, "!!python/object/apply:os.system [touch MARKER]", "!!python/name:os.system x",
    "!!binary aGk=", "!!set {a, b}", "!!timestamp 2001-01-01", "!foo bar", "&a [*a]", "*none", "{<<: {a: 1}}", '"\\ud800"', '"\\0"', '"\\U00110000"', '"\\x1b[31m"',
    "[" * 100 + "]" * 100, "{a: " * 70 + "1" + "}" * 70, "? [a, b]\n: c", "|\n  x", "- - - 1", "'", '"', "%TAG ! tag:x,2000:", "---", "...", "\t", "&b b", "2001-01-01", "+.5", "1.",
]  # fmt: skip


SUMS = b"{{ group }} {{ metadata.expression }} ="
"""The template of a spec that has no other family than sums."""


def seeds() -> list[Files]:
    """What mutation starts from."""
    prompts = {
        "specs/prompts/tiny.j2": TEMPLATE.encode(),
        "specs/prompts/quickstart.j2": (ROOT / "specs/prompts/quickstart.j2").read_bytes(),
    }
    quickstart = (ROOT / "specs/quickstart.yaml").read_text(encoding="utf-8")
    sweep = (
        TINY
        + "matrix: {student.train.learning_rate: [1e-4, 3e-4], agent.policy.floor: [0.1, 0.5]}\nseeds: {run: [0, 1]}\n"
    )
    points = (
        TINY + "matrix: [{name: small, loop.iterations: 1}, {name: large, loop.iterations: 3}]\n"
    )
    parent, child = split(parse(TINY, file="").plain(), random.Random(1))  # type: ignore[arg-type]
    other, rest = split(child, random.Random(2))
    family = {
        "specs/base/one.yml": written(parent, random.Random(3)),
        "specs/two.yml": json.dumps({"extends": "base/one.yml", **other}),
    }
    family[SPEC] = json.dumps({"extends": ["two.yml"], **rest}, indent=1).replace(
        "prompts/", "../specs/prompts/"
    )
    files = TINY.replace(
        "  score:",
        "    listed: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}\n  score:",
        1,
    )
    files = files.replace(
        "test: {from: problems, draw: {per_group: 6}}", "test: {from: listed, draw: {items: 10}}"
    )
    items = "".join(f'{{"q": "{n} + 1", "a": "{n + 1}"}}\n' for n in range(300)).encode()
    small = (
        TINY[: TINY.index("analysis:")]
        .replace("    hidden_size: 32\n    intermediate_size: 64\n", "")
        .replace("observe: {scores: true, yield: true, errors: 1}", "observe: {}")
    )
    small = re.sub(
        r"        lcm: .*\n|  with-state: \{\}\n|description: .*\n|    (layers|heads): .*\n|(?<=checks: ).*",
        lambda found: "{overlap: {}}" if found[0].startswith("{") else "",
        small,
    )
    texts: list[dict[str, str]] = [
        *[{SPEC: small}] * 6,
        {SPEC: TINY},
        {SPEC: quickstart},
        {SPEC: sweep},
        {SPEC: points},
        family,
        {SPEC: files},
    ]
    return [
        {
            **prompts,
            "specs/items.jsonl": items,
            **{name: text.encode() for name, text in each.items()},
            **({"specs/prompts/tiny.j2": SUMS} if each.get(SPEC) == small else {}),
        }
        for each in texts
    ]


def mutated(rng: random.Random, corpus: list[Files]) -> Files:
    """One input: a seed with one to a few mutations of one or more levels."""
    files = dict(rng.choice(corpus))
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        name = SPEC if rng.random() < 0.8 else rng.choice(sorted(files))
        level = rng.choice([octets, lines_of, tokens, tokens, tree, tree, tree])
        files[name] = level(files[name], rng, corpus)[:600_000]
    return files


def octets(data: bytes, rng: random.Random, corpus: list[Files]) -> bytes:
    at, length = rng.randrange(len(data) + 1), rng.choice([1, 1, 2, 8, 100])
    other = rng.choice(corpus)[SPEC]
    start = rng.randrange(len(other))
    new = {
        "flip": bytes([rng.randrange(256)]),
        "delete": b"",
        "insert": rng.randbytes(length) + data[at : at + length],
        "splice": other[start : start + rng.choice([10, 100, 1000])] + data[at : at + length],
        "bom": rng.choice(
            [
                b"\xef\xbb\xbf",
                b"\xff\xfe",
                b"\x00",
                b"\r",
                b"\t",
                b"\xc2\x85",
                b"\xe2\x80\xa8",
                b"\xed\xa0\x80",
            ]
        )
        + data[at : at + length],
        "repeat": data[at : at + length] * rng.choice([2, 10, 3000 if rng.random() < 0.1 else 30]),
    }
    return data[:at] + new[rng.choice(sorted(new))] + data[at + length :]


def lines_of(data: bytes, rng: random.Random, _corpus: list[Files]) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            lines[at], lines[other] = lines[other], lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            del lines[at]
        case 3:
            lines[at] = b" " * rng.randrange(5) + lines[at].lstrip()
        case 4:
            lines[at:at] = lines[at : at + 5] * rng.choice([1, 3, 300 if rng.random() < 0.1 else 9])
        case _:
            lines.insert(at, nasty(rng).encode("utf-8", "surrogatepass"))
    return b"\n".join(lines)


def tokens(data: bytes, rng: random.Random, _corpus: list[Files]) -> bytes:
    """Replaces what stands between separators, so that the text stays nearly YAML."""
    text = data.decode("utf-8", "replace")
    cuts = [index for index, letter in enumerate(text) if letter in " {}[],:\n"]
    if len(cuts) < 3:
        return data
    first = rng.randrange(len(cuts) - 1)
    low, high = cuts[first] + 1, cuts[min(first + rng.choice([1, 1, 2, 5]), len(cuts) - 1)]
    old = text[low:high]
    new = rng.choice(
        [
            nasty(rng),
            f"&x {old}",
            "*x",
            f"!!str {old}",
            f"[{old}]",
            f"{{{old}: {old}}}",
            f"'{old}'",
            old * 2,
            f"{old}: {nasty(rng)}",
            f'"{old}"',
        ]
    )
    return (text[:low] + new + text[high:]).encode("utf-8", "surrogatepass")


def nasty(rng: random.Random) -> str:
    """A text that is odd in some way, as a token of YAML."""
    return rng.choice(
        [
            rng.choice(LITERALS),
            json.dumps(rng.choice(STRINGS)),
            rng.choice(STRINGS),
            str(rng.choice(NUMBERS)),
        ]
    )


def tree(data: bytes, rng: random.Random, corpus: list[Files]) -> bytes:
    """Changes a few places of the tree, and writes it in some style."""
    text = _as_json(data)
    if not text:
        return tokens(data, rng, corpus)
    tree = json.loads(text)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        found = list(places(tree))
        if not found:
            break
        holder, key = rng.choice(found)
        change(holder, key, rng.choice(found), rng)
    text = (
        written(tree, rng)
        if isinstance(tree, dict) and rng.random() < 0.5
        else json.dumps(tree, indent=rng.choice([None, 1]), ensure_ascii=False)
    )
    return text.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=64)
def _as_json(data: bytes) -> str:
    try:
        return json.dumps(parse(data.decode("utf-8"), file="").plain())
    except (SpecError, UnicodeDecodeError):
        return ""


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value below a tree, as what holds it and its key there."""
    for key in (
        tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    ):
        yield tree, key
        yield from places(tree[key])


def change(holder: Any, key: Any, other: tuple[Any, Any], rng: random.Random) -> None:
    """Changes one value of a tree in some way."""
    value = holder[key]
    extra = rng.choice(
        [
            "kind",
            "extends",
            "matrix",
            "arms",
            "same_as",
            "share",
            "adapter",
            "path",
            "fields",
            "seeds",
            "select",
            "version",
            "x",
            "$schema",
            *ODD,
        ]
    )
    match rng.randrange(9):
        case 0:
            holder[key] = rng.choice(STRINGS)
        case 1:
            holder[key] = rng.choice([*NUMBERS, True, None])
        case 2:
            del holder[key]
        case 3:
            holder[key] = (
                json.loads(json.dumps(other[0][other[1]]))
                if other[1] in (other[0] if isinstance(other[0], dict) else range(len(other[0])))
                else None
            )
        case 4:
            holder[key] = rng.choice([[value], {"x": value}, {}, [], [value] * 50, [[value]]])
        case 5 if isinstance(holder, dict):
            holder[rng.choice([extra, rng.choice(STRINGS)])] = holder.pop(key)
        case 6 if isinstance(holder, dict):
            holder[extra] = rng.choice(
                [
                    value,
                    rng.choice(STRINGS),
                    rng.choice(NUMBERS),
                    {"student.train.batch_size": [1, 2]},
                    ["two.yml"],
                    "tiny.yaml",
                ]
            )
        case 7 if isinstance(value, int | float):
            holder[key] = rng.choice(
                [value * 1000, -value, value + 1, value / 7, str(value), value * 10**15]
            )
        case _ if isinstance(value, str):
            holder[key] = value + rng.choice(
                ["\n", " ", "/", "/../x", "x", *SHELL, *JINJA[:4], *ODD]
            )
        case _:
            holder[key] = None
