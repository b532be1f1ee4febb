"""How two students that are compared were asked: prompt, decoding, backend and scorer of each.

It is read from the parameters of the stages that scored them, which are part of their keys; a
difference there is a difference of arms only if it was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import bytes_digest, canonical
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.results.evidence.answers import scored
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.stage import StageResult

_APART: Final = ("splits", "seed", "salt")
"""What of a stage says not how, but what is asked, or which draw of it."""
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One side of how a student was asked.

    Attributes:
        name: `prompt`, `decoding`, `backend` or `scorer`.
        first: what it was for the student in question, in words.
        second: the same for the other.
        alike: whether both were the same in all that counts, also in what the words leave out.
    """

    name: str
    first: str
    second: str
    alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How both students of a contrast were asked, in every run."""

    aspects: tuple[Aspect, ...]

    @property
    def differing(self) -> tuple[Aspect, ...]:
        """What was not the same for both."""
        return tuple(aspect for aspect in self.aspects if not aspect.alike)


def parities(results: Results) -> dict[Question, Parity]:
    """How the students of each contrast were asked, as far as they have answered."""
    found = {}
    for question in results.index.contrasts:
        one = parity(results, question)
        if one is not None:
            found[question] = one
    return found


def change_parities(results: Results) -> dict[str, Parity]:
    """How the best student and the base of each arm were asked on the sealed test."""
    found = {}
    for arm in results.index.arms:
        one = parity(results, Question(arm=arm, against=arm, student="best", other="base"))
        if one is not None:
            found[arm] = one
    return found


def parity(results: Results, question: Question) -> Parity | None:
    """How the students of a contrast were asked; None before both are scored in any run."""
    runs = zip(results.of_arm(question.arm), results.of_arm(question.against), strict=True)
    return parity_of(question, runs, (results.index.inputs, results.index.inputs))


def parity_of(
    question: Question,
    runs: Iterable[tuple[Run, Run]],
    inputs: tuple[Mapping[str, str], Mapping[str, str]],
) -> Parity | None:
    """The same of any two arms, also of two experiments.

    Of several runs the first one that differs is told, or else the first.

    Args:
        question: which students are compared, on which split.
        runs: of both arms in pairs, that in question first.
        inputs: digests of the files that both specs read, by path.
    """
    found = None
    for first, second in runs:
        mine = _params(scored(first, question.student, question.split))
        others = _params(scored(second, question.second, question.split))
        if mine is None or others is None:
            continue
        one = Parity(aspects=tuple(_aspects(mine, others, inputs)))
        if found is None or (one.differing and not found.differing):
            found = one
    return found


def _params(stage: StageResult | None) -> dict[str, Any] | None:
    """The parameters of a stage; None if it is not done or does not say them."""
    if stage is None:
        return None
    try:
        content = read_json(stage.path / "stage.json")
    except (OSError, StageError):
        return None
    params = content.get("params") if isinstance(content, dict) else None
    return params if isinstance(params, dict) else None


def _aspects(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    inputs: tuple[Mapping[str, str], Mapping[str, str]],
) -> Iterator[Aspect]:
    ours, theirs = _sorted(first), _sorted(second)
    for name in ours:
        yield Aspect(
            name=name,
            first=_WORDS[name](ours[name], inputs[0]),
            second=_WORDS[name](theirs[name], inputs[1]),
            alike=canonical(ours[name]) == canonical(theirs[name]),
        )


def _sorted(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the parameters say of each aspect: all that no other one holds is the prompt's."""
    decoding = dict(params.get("generate") or {})
    backend = decoding.pop("backend", None)
    apart = (*_APART, "generate", "score")
    prompt = {name: value for name, value in params.items() if name not in apart}
    return {
        "prompt": prompt,
        "decoding": decoding,
        "backend": backend,
        "scorer": params.get("score"),
    }


def _prompt(prompt: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """The file of the template, or its digest, and what stands around it."""
    content = str(prompt.get("template", "")).encode()
    digest = bytes_digest(content)
    path = next((path for path, of in inputs.items() if of == digest), None)
    parts = [f"{path or 'template'} ({digest[:_DIGITS]})"]
    chat = prompt.get("chat")
    if isinstance(chat, dict):
        parts.append("as a conversation")
        shown = chat.get("few_shot")
        count = shown.get("count") if isinstance(shown, dict) else None
        if count:
            parts.append(f"{count} examples before it")
    return ", ".join(parts)


def _decoding(decoding: Mapping[str, Any], _: Mapping[str, str]) -> str:
    temperature = decoding.get("temperature") or 0
    parts = [f"temperature {temperature:g}" if temperature else "greedy"]
    for name, value in sorted(decoding.items()):
        if name != "temperature":
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _component(component: Any, _: Mapping[str, str]) -> str:
    """A component by its kind and options."""
    if not isinstance(component, dict):
        return str(component)
    options = [f"{name} {component[name]}" for name in sorted(component) if name not in _NAMING]
    return ", ".join((str(component.get("kind")), *options))


_NAMING: Final = ("kind", "semantics")
_WORDS: Final = {
    "prompt": _prompt,
    "decoding": _decoding,
    "backend": _component,
    "scorer": _component,
}
