"""How large a stage's work is, and which stages work alike, by what their keys say. What that costs is in `cost`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.ir import Stage

GROUPS: Final = 10
"""How many groups a source has that does not say so."""

Known = Mapping[str, Stage]


def size(stage: Stage, known: Known) -> float:
    """The size that time depends on: `units`, and for an evaluation as many tokens as answers may have."""
    allowed = stage.plain["generate"]["max_new_tokens"] if stage.kind == "evaluate" else 1
    return max(1.0, units(stage, known) * allowed)


def units(stage: Stage, known: Known) -> float:
    """What a stage works on: items drawn or answered, examples seen in training, examples asked for or checked."""
    match stage.kind:
        case "data":
            found = _drawn(stage)
        case "skills":
            found = sum(_items(read.stage, read.port, known) for read in stage.inputs)
        case "evaluate":
            students = 2 if any(read.slot == "choice" for read in stage.inputs) else 1
            found = students * sum(_items(read.stage, read.port, known) for read in stage.inputs)
        case "student":
            found = (
                _seen(stage.plain["model"]["pretrain"], 0)
                if "pretrain" in stage.plain["model"]
                else 1
            )
        case "train":
            found = _seen(stage.plain["train"], _taught(stage, known))
        case "generate" | "check":
            found = sum(_amount(read.stage, known) for read in stage.inputs if read.slot == "plan")
        case _:
            found = 1
    return max(1.0, found)


def allowed_tokens(stage: Stage, what: str, known: Known) -> float:
    """More tokens than this a stage cannot read or write."""
    if stage.kind == "evaluate" and what == "generated":
        return units(stage, known) * float(stage.plain["generate"]["max_new_tokens"])
    if stage.kind == "train" and what == "trained":
        return units(stage, known) * float(stage.plain["train"]["max_length"])
    if stage.kind == "student" and what == "trained" and "pretrain" in stage.plain["model"]:
        return units(stage, known) * float(stage.plain["model"].get("max_positions", 1024))
    return math.inf


def like(stage: Stage, known: Known) -> str:
    """What a stage has in common with those that work as fast: its student, backend, engine, checks; not its amounts."""
    params = stage.plain
    match stage.kind:
        case "evaluate":
            generate = {key: params["generate"][key] for key in ("backend", "dtype")}
            about: Any = [_model(stage, known), generate, params["score"]["kind"]]
        case "train":
            about = [
                _model(stage, known),
                params["train"]["method"],
                params["train"]["dtype"],
                params["train"].get("adapter"),
            ]
        case "student":
            about = _bare(params["model"])
        case "generate":
            about = [params["engine"], params["round"] > 0]
        case "check":
            about = [
                [check["kind"] for check in params["checks"]],
                params["score"]["kind"],
                any(read.slot == "yield" for read in stage.inputs),
            ]
        case "data":
            about = params["source"]["kind"]
        case "plan":
            about = params["policy"]["kind"]
        case "skills":
            about = params["discover"]["kind"]
        case _:
            about = stage.kind
    return canonical(about)


def _bare(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key not in ("pretrain", "semantics")}


def _model(stage: Stage, known: Known) -> dict[str, Any]:
    """The model that the student of a stage was made from."""
    for slot in ("base", "student"):
        for read in stage.inputs:
            if read.slot == slot and read.stage in known:
                other = known[read.stage]
                return (
                    _bare(other.plain["model"]) if other.kind == "student" else _model(other, known)
                )
    return {}


def _drawn(stage: Stage) -> float:
    draw, source = stage.plain["draw"], stage.plain["source"]
    return float(
        draw["items"]
        if "items" in draw
        else draw["per_group"] * (len(source.get("families", ())) or GROUPS)
    )


def _items(key: str, port: str, known: Known) -> float:
    """What a port holds to answer or to sort: items of a split, or candidates; other ports hold none."""
    stage = known.get(key)
    if stage is not None and stage.kind == "generate":
        return units(stage, known)
    if stage is None or stage.kind != "data":
        return 0
    part = {"shown": stage.plain.get("show", 1), "hidden": 1 - stage.plain.get("show", 0)}
    return float(_drawn(stage) * part.get(port, 1))


def _seen(recipe: Mapping[str, Any], examples: float) -> float:
    """Examples that training looks at, each as often as it does."""
    length = recipe["length"]
    return float(
        length["steps"] * recipe["batch_size"] if "steps" in length else length["epochs"] * examples
    )


def _taught(stage: Stage, known: Known) -> float:
    """Examples that a training stage is given: the amount of every plan behind them, once."""
    checks = [
        known[read.stage]
        for read in stage.inputs
        if read.slot == "accepted" and read.stage in known
    ]
    plans = {read.stage for check in checks for read in check.inputs if read.slot == "plan"}
    return sum(_amount(plan, known) for plan in plans)


def _amount(key: str, known: Known) -> float:
    return float(known[key].plain["amount"]) if key in known else 1.0
