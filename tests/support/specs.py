"""Specs that many tests begin with."""

from __future__ import annotations

from typing import Any

import yaml

from dataenvgym_spec.language.source import parse
from tests.support.commands import ROOT

TINY = """\
version: 1
name: tiny
description: A spec small enough for a test.
task:
  kind: math
  sources:
    problems:
      kind: reasoning-gym
      families:
        sum: {dataset: chain_sum, config: {min_terms: 2, max_terms: 2, min_digits: 1, max_digits: 1}}
        lcm: {dataset: lcm, config: {min_numbers: 2, max_numbers: 2, min_value: 1, max_value: 30}}
  score: {kind: reasoning-gym}
  splits:
    test: {from: problems, draw: {per_group: 6}}
    selection: {from: problems, draw: {per_group: 4}}
    feedback: {from: problems, draw: {per_group: 8}, show: 0.25}
student:
  model:
    kind: scratch
    hidden_size: 32
    intermediate_size: 64
    layers: 1
    heads: 2
    pretrain: {source: problems, examples: {sum: 60}, length: {steps: 6}, learning_rate: 2e-3, batch_size: 16}
  train: {length: {steps: 6}, learning_rate: 1e-3, batch_size: 16, max_length: 64, dtype: float32}
  generate: {dtype: float32, max_new_tokens: 5}
  prompt: {template: prompts/tiny.j2}
teachers:
  generator: {kind: procedural, source: problems}
environment: skill-list
skills: {discover: {kind: gold}}
agent:
  observe: {scores: true, yield: true, errors: 1}
  policy: {kind: allocate, power: 1.0, floor: 0.2}
  engine: {kind: procedural, teacher: generator, oversample: 2}
  checks: {scorable: {action: reject}, duplicate: {action: reject}, overlap: {action: reject}}
loop:
  iterations: 2
  teach: {examples: 30, of: accepted, refill: 1}
arms:
  with-state: {}
  no-state: {agent: {observe: nothing}}
analysis:
  contrasts: [{arm: with-state, against: no-state, student: best, split: test, primary: true}]
"""
TREE = "{kind: skill-tree, subskills: {kind: by-source, source: problems}}"
"""An environment for it that policies of skill trees work in: `text.replace("skill-list", TREE)`."""
TEMPLATE = (
    "{{ group }} {{ metadata.expression"
    ' | default((metadata.numbers | default([input])) | join(" ")) }} ='
)
"""The numbers of a problem alone; of an example without metadata its question."""
SMALL = (
    TINY.replace(
        "  with-state: {}\n  no-state: {agent: {observe: nothing}}\n",
        "  main: {agent: {observe: nothing}}\n",
    )
    .replace("iterations: 2", "iterations: 1")
    .replace("refill: 1", "refill: 0")
    .partition("analysis:")[0]
)
"""One arm, one iteration, no refill."""


EXACT = ("score: {kind: reasoning-gym}", "score: {kind: exact-match}")
"""The scorer of the small spec, and one that can judge what a model writes."""


def tiny(**sections: Any) -> str:
    """The text of the small spec with other values: `tiny(loop={"iterations": 3})`.

    Mappings are merged at every depth, other values take the place of what was there, and `None` removes a key.
    """
    return yaml.safe_dump(merged(plain(TINY), sections), sort_keys=False, allow_unicode=True)


def plain(text: str) -> dict[str, Any]:
    """The tree of a spec's text, as the language reads it."""
    tree = parse(text, file="").plain()
    assert isinstance(tree, dict)
    return tree


def merged(tree: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A tree with changes; neither is altered."""
    out = dict(tree)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


def painted(writer: dict[str, Any], engine: dict[str, Any], **agent: Any) -> str:
    """The library's spec of visual questions with one arm, in which a teacher writes examples that are painted."""
    tree = yaml.safe_load((ROOT / "specs" / "library" / "vqa.yaml").read_text(encoding="utf-8"))
    tree["teachers"] = {"writer": writer}
    painting = {"kind": "painted", "teacher": "writer", "painter": {"kind": "shapes"}}
    tree["agent"] |= {"engine": {**painting, **engine}, "observe": {"errors": 2, "scores": True}}
    tree["agent"] |= agent
    tree |= {"arms": {"seen": {}}, "seeds": {"run": [0]}}
    del tree["analysis"]
    return yaml.safe_dump(tree)


TAUGHT = merged(
    plain(SMALL),
    {
        # So long that it has learned where an answer ends.
        "student": {"model": {"pretrain": {"length": {"steps": 60}, "learning_rate": 5e-3}}},
        "teachers": {
            "generator": None,
            "itself": {
                "kind": "student",
                "temperature": 0.1,
                "max_tokens": 5,
                "dtype": "float32",
                "concurrency": 16,
            },
        },
        "arms": {"main": {"agent": {"observe": {"scores": True}}}},
        "agent": {
            "engine": {
                "kind": "expert-iteration",
                "oversample": None,
                "teacher": "itself",
                "source": "problems",
                "samples": 8,
                "accept": "majority",
                "prompt": "prompts/tiny.j2",
            },
            # A student that has hardly learned is seldom right.
            "checks": {"scorable": {"action": "off"}},
        },
    },
)
"""A student that is its own teacher, as a tree."""
