"""Writes a tree as YAML in a random style: order of keys, quotes, flow and block, anchors, comments, spellings of numbers."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.language.scalars import is_text
from dataenvgym_spec.resolve.merge import CHOICES

Tree = Any

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


def written(tree: Tree, rng: random.Random, *, anchors: float = 0.3, flow: float = 0.3) -> str:
    """A mapping as the text of a file. It means the same, however it is written."""
    writer = _Writer(rng, anchors, flow)
    head = rng.choice(["", "---\n", "# a comment\n\n", "%YAML 1.2\n---\n"])
    return (
        head + "\n".join(writer.mapping(tree, 0)) + rng.choice(["\n", "", "\n...\n", "\n# the end"])
    )


def split(tree: dict[str, Tree], rng: random.Random) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """A mapping as a parent and a child that extends it; some values of the parent are wrong, and the child says otherwise."""
    parent: dict[str, Tree] = {}
    child: dict[str, Tree] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value and key not in CHOICES and rng.random() < 0.7:
            parent[key], child[key] = split(value, rng)
        elif rng.random() < 0.5:
            parent[key] = value
        else:
            child[key] = value
            if isinstance(value, int | float | list) and rng.random() < 0.5:
                parent[key] = [7] if isinstance(value, list) else value + 1
    return parent, child


class _Writer:
    def __init__(self, rng: random.Random, anchors: float, flow: float) -> None:
        self.rng, self.anchors, self.flow_share = rng, anchors, flow
        self.known: dict[str, str] = {}

    def mapping(self, tree: dict[str, Tree], indent: int) -> list[str]:
        """The lines of a block mapping."""
        lines = []
        for key in self.rng.sample(list(tree), len(tree)):
            if self.rng.random() < 0.1:
                lines.append(self.rng.choice(["", " " * indent + "# why"]))
            lines += self.entry(f"{' ' * indent}{self.text(key)}:", tree[key], indent)
        return lines

    def entry(self, head: str, value: Tree, indent: int) -> list[str]:
        """What follows a key or a dash."""
        mark = self.mark(value)
        if mark.startswith("*"):
            return [f"{head} {mark}"]
        head += f" {mark}" if mark else ""
        inner = indent + self.rng.choice([1, 2, 4])
        if isinstance(value, dict) and value and self.rng.random() > self.flow_share:
            return [head + self.comment(), *self.mapping(value, inner)]
        if isinstance(value, list) and value and self.rng.random() > self.flow_share:
            return [
                head + self.comment(),
                *(
                    line
                    for item in value
                    for line in self.entry(" " * inner + "-", item, inner + 1)
                ),
            ]
        if (
            isinstance(value, str)
            and value.strip() == value != ""
            and value.isprintable()
            and self.rng.random() < 0.1
        ):
            return [f"{head} {self.rng.choice('|>')}-", " " * (indent + 2) + value]
        return [f"{head} {self.flow(value, anchored=True)}{self.comment()}"]

    def mark(self, value: Tree) -> str:
        """An anchor for a value met first, or an alias for one met before."""
        if not isinstance(value, dict | list) or self.rng.random() > self.anchors:
            return ""
        text = canonical(value)
        if text in self.known:
            return f"*{self.known[text]}"
        self.known[text] = f"a{len(self.known)}"
        return f"&{self.known[text]}"

    def comment(self) -> str:
        return self.rng.choice(["", "", "", "   # note: 'x' {y}"])

    def flow(self, value: Tree, *, anchored: bool = False) -> str:
        """A value on one line."""
        mark = "" if anchored else self.mark(value)
        if mark.startswith("*"):
            return f"{mark} "
        space = self.rng.choice(["", " "])
        head = f"{mark} " if mark else ""
        if isinstance(value, dict):
            return (
                head
                + "{"
                + f",{space}".join(
                    f"{self.text(key)}: {self.flow(value[key])}"
                    for key in self.rng.sample(list(value), len(value))
                )
                + "}"
            )
        if isinstance(value, list):
            return head + "[" + f",{space}".join(map(self.flow, value)) + "]"
        return self.scalar(value)

    def scalar(self, value: Tree) -> str:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            word = json.dumps(value)
            return self.rng.choice([word, word.capitalize(), word.upper()])
        if isinstance(value, int):
            return self.rng.choice(
                [str(value), *([f"+{value}", hex(value), f"0{value}"] if value >= 0 else [])]
            )
        return self.rng.choice(
            [
                form
                for form in (repr(value), f"{value:.17g}", f"{value:e}", f"{value:.20f}")
                if _same(form, value)
            ]
        )

    def text(self, value: str) -> str:
        styles = [json.dumps(value, ensure_ascii=False)]
        if value.isprintable():
            styles.append("'" + value.replace("'", "''") + "'")
        if PLAIN.fullmatch(value) and is_text(value):
            styles += [value] * 3
        if value.isascii() and value:
            styles.append('"' + "".join(f"\\x{ord(letter):02x}" for letter in value) + '"')
        return self.rng.choice(styles)


def _same(form: str, value: float) -> bool:
    return float(form) == value and any(letter in form for letter in ".e") and len(form) <= 40
