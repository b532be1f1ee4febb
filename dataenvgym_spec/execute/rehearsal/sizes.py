"""The amounts of a spec at toy size. Pure; what stands in for components is in `stand_ins`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ITEMS: Final = {"test": 1, "selection": 1, "feedback": 4, "pool": 4}
"""Items of each group that a role draws at most."""
WHOLE: Final = 12
"""Items of a split that would draw all of a file with many."""
ITERATIONS: Final = 2
STEPS: Final = 2
BATCH: Final = 4
EXAMPLES: Final = 12
"""Accepted examples of a round."""
POOL: Final = EXAMPLES * ITERATIONS + 6
"""Items of a pool that is a number of items: as many as one that is taught takes, and some more."""
NEW_TOKENS: Final = 8
SAMPLES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A value that is smaller in the rehearsal."""

    path: str
    real: Any
    toy: Any

    def text(self) -> str:
        """In words.

        >>> Cut(path="loop.iterations", real=10, toy=2).text()
        'loop.iterations: 2 in place of 10'
        """
        return f"{self.path}: {_shown(self.toy)} in place of {_shown(self.real)}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What decides how small the amounts of an arm can be.

    Attributes:
        runs: how many run seeds are kept.
        large: the sources with more items than a whole split should have here.
    """

    runs: int = 1
    large: frozenset[str] = frozenset()


def shrink(whole: dict[str, Any], amounts: Amounts) -> list[Cut]:
    """Cuts the amounts of one arm, in place; returns what was cut.

    Args:
        whole: the arm as a spec says it in full.
        amounts: what decides how far.
    """
    cuts: list[Cut] = []
    for path, toy in _toys(whole, amounts):
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step]
        real = holder[path[-1]]
        if real != toy:
            holder[path[-1]] = toy
            cuts.append(Cut(path=".".join(path), real=real, toy=toy))
    # A guard of the real run; what it would cost is estimated of the real spec.
    whole.pop("limits", None)
    # A short loop has not all the students that are compared, and stand-ins may be one.
    whole.pop("analysis", None)
    return cuts


def _toys(whole: Mapping[str, Any], amounts: Amounts) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The paths of amounts with what stands there in the rehearsal."""
    loop, student = whole["loop"], whole["student"]
    train, generate = student["train"], student["generate"]
    rounds = loop.get("rounds", 1)
    yield ("loop", "iterations"), min(loop["iterations"], ITERATIONS)
    examples = loop["teach"]["examples"]
    yield ("loop", "teach", "examples"), min(examples, EXAMPLES * rounds)
    yield ("student", "train", "length"), {"steps": STEPS}
    yield ("student", "train", "batch_size"), min(train["batch_size"], BATCH)
    if train["dtype"] == "float16":
        # It is for GPUs alone, and its range is what overflows, not what a small run shows.
        yield ("student", "train", "dtype"), "bfloat16"
    yield ("student", "generate", "max_new_tokens"), min(generate["max_new_tokens"], NEW_TOKENS)
    yield ("student", "generate", "samples"), min(generate["samples"], SAMPLES)
    yield from _other(whole)
    runs = whole["seeds"]["run"]
    if isinstance(runs, list):
        yield ("seeds", "run"), runs[: amounts.runs]
    for name, probe in whole["task"]["splits"].get("probes", {}).items():
        of_probe = ("task", "splits", "probes", name, "draw")
        yield of_probe, _drawn(probe["draw"], 1, whole=probe["from"] in amounts.large)
    shown = _shots(whole)
    for role, split in whole["task"]["splits"].items():
        if role in ITEMS and "draw" in split:
            most = max(ITEMS[role], shown if role == "pool" else 0)
            path = ("task", "splits", role, "draw")
            if split["draw"] == "rest" and role != "pool":
                # Every item of it would be judged and asked.
                yield path, {"items": WHOLE}
                continue
            if role == "pool" and "items" in split["draw"]:
                yield path, {"items": min(split["draw"]["items"], POOL * rounds)}
                continue
            yield path, _drawn(split["draw"], most, whole=split["from"] in amounts.large)


def _other(whole: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The length of a training on another arm's examples, where it is a number; and copies.

    Of these one of a sort fails as several would.
    """
    length = whole.get("data_from", {}).get("length")
    if length is not None and length.get("steps") != "equal":
        yield ("data_from", "length"), {"steps": STEPS}
    noise = whole.get("noise") or {}
    for name, most in {"reevaluate": 1, "retrain": 1, "iteration": ITERATIONS}.items():
        if noise.get(name) is not None:
            yield ("noise", name), min(noise[name], most)


def _shots(whole: Mapping[str, Any]) -> int:
    """How many items prompts show at most."""
    prompts = [whole["student"]["prompt"]]
    prompts += [one["prompt"] for one in whole.get("baselines", {}).values()]
    shots = [prompt.get("few_shot") for prompt in prompts]
    return max((shot["count"] for shot in shots if shot), default=0)


def _drawn(draw: Any, most: int, *, whole: bool) -> Any:
    if draw == "all" and whole:
        return {"items": WHOLE}
    if isinstance(draw, str):
        return draw
    if "per_group" in draw:
        return {"per_group": min(draw["per_group"], most)}
    return {"items": min(draw["items"], most * 3)}
