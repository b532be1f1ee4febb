"""The stage kinds: what each reads, writes and promises, and which information may flow through it.

This table is the whole of what a reviewer needs to judge the proof of no leakage (`passes/leakage.py`). A role taints
whatever is computed from it. `test`, `selection`, `shown` and `hidden` are the splits (`shown` and `hidden` the two parts of
feedback); `student` is a student's behaviour; `#test` and so on are a split seen as hashes only;
`bit` is a gate's answer, go on or stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

Role = str
Promise = Literal["anywhere", "same-machine", "none"]

SPLITS: Final[frozenset[Role]] = frozenset({"test", "selection", "shown", "hidden"})
HASHES: Final[frozenset[Role]] = frozenset({"#test", "#selection", "#feedback"})
TEACHING: Final[frozenset[Role]] = frozenset({"shown", "hidden", "student"})
"""What may reach an agent and, through its examples, a student's weights."""

BIT: Final[frozenset[Role]] = frozenset({"bit"})
"""What a gate says. Only slots named `gate` receive it, and it ends there: a stage with a gate either does its work, which
the bit changes nothing of, or passes through what stood before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A named input: the roles it may receive, and whether several ports can be plugged in."""

    allows: frozenset[Role]
    many: bool = False


def _nothing(_params: dict[str, Any], _port: str) -> frozenset[Role]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of stage.

    Attributes:
        semantics: raised when the results change for the same input; part of every key.
        promise: what running it again gives: the same bytes anywhere, on the same machine and versions, or neither.
        adds: the roles that a port's content takes on here.
        drops: the roles that a port does not pass on; each one is a declassification and says why in a comment.
        blinded: under `observe: nothing`, its slots refuse `student`.
    """

    semantics: int
    promise: Promise
    slots: dict[str, Slot]
    ports: Callable[[dict[str, Any]], tuple[str, ...]]
    adds: Callable[[dict[str, Any], str], frozenset[Role]] = _nothing
    drops: Callable[[dict[str, Any], str], frozenset[Role]] = _nothing
    blinded: bool = False

    def allowed(self, slot: str, params: dict[str, Any]) -> frozenset[Role]:
        """The roles that a slot may receive in a stage with these parameters."""
        roles = self.slots[slot].allows
        return roles - {"student"} if self.blinded and params.get("observe") == "nothing" else roles


def _fixed(*names: str) -> Callable[[dict[str, Any]], tuple[str, ...]]:
    return lambda _params: names


def _data_ports(params: dict[str, Any]) -> tuple[str, ...]:
    return ("shown", "hidden") if params["role"] == "feedback" else (params["role"],)


def _ends_bit(_params: dict[str, Any], _port: str) -> frozenset[Role]:
    return BIT


def _item_ports(params: dict[str, Any]) -> tuple[str, ...]:
    return tuple(params["splits"])


KINDS: Final[dict[str, Kind]] = {
    # One split. Its ports are named by the role of what they hold.
    "data": Kind(semantics=1, promise="anywhere", slots={}, ports=_data_ports, adds=lambda _params, port: frozenset({port})),
    # What generated examples must keep clear of, as hashes or as lanes of the hash space. Independent of how many items a
    # split draws, so that a larger test set changes no training.
    "reserve": Kind(
        semantics=1,
        promise="anywhere",
        slots={},
        ports=_fixed("hashes"),
        adds=lambda params, _port: frozenset(f"#{role}" for role in params["lanes"]),
    ),
    "student": Kind(semantics=1, promise="same-machine", slots={}, ports=_fixed("student")),
    "skills": Kind(semantics=1, promise="anywhere", slots={"items": Slot(allows=frozenset({"shown", "hidden"}), many=True)}, ports=_fixed("skills")),
    # A student's answers to one split. The sealed evaluation names its students through `choice`, the one legitimate use
    # of selection besides selecting; its results have no reader but the report.
    "evaluate": Kind(
        semantics=1,
        promise="same-machine",
        slots={
            "student": Slot(allows=TEACHING, many=True),
            "base": Slot(allows=frozenset()),
            "items": Slot(allows=SPLITS, many=True),
            "choice": Slot(allows=TEACHING | {"selection"}),
            "gate": Slot(allows=BIT),
        },
        ports=_item_ports,
        adds=lambda _params, _port: frozenset({"student"}),
        drops=_ends_bit,
    ),
    "plan": Kind(
        semantics=1,
        promise="anywhere",
        slots={
            "state": Slot(allows=TEACHING),
            "results": Slot(allows=TEACHING, many=True),
            "skills": Slot(allows=TEACHING),
            "yield": Slot(allows=TEACHING),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("plan", "state"),
        drops=_ends_bit,
        blinded=True,
    ),
    "generate": Kind(
        semantics=1,
        promise="none",
        slots={"plan": Slot(allows=TEACHING), "yield": Slot(allows=TEACHING), "gate": Slot(allows=BIT)},
        ports=_fixed("candidates"),
        drops=_ends_bit,
        blinded=True,
    ),
    # Declassification: the overlap check sees other splits as hashes only and may only remove. What it removed, and why, is
    # in `rejected`, which keeps the taint, so that no plan can read it.
    "check": Kind(
        semantics=1,
        promise="anywhere",
        slots={
            "candidates": Slot(allows=TEACHING),
            "plan": Slot(allows=TEACHING),
            "accepted": Slot(allows=TEACHING, many=True),
            "yield": Slot(allows=TEACHING),
            "reserve": Slot(allows=HASHES),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("accepted", "yield", "rejected"),
        drops=lambda _params, port: BIT if port == "rejected" else BIT | HASHES,
        blinded=True,
    ),
    # `previous` is the student that is passed through after a stop; no training starts from it.
    "train": Kind(
        semantics=1,
        promise="same-machine",
        slots={
            "base": Slot(allows=frozenset()),
            "accepted": Slot(allows=TEACHING, many=True),
            "previous": Slot(allows=TEACHING | {"weights"}),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("student"),
        drops=_ends_bit,
    ),
    # Declassification, asked for by `loop.stop`: one bit per iteration, go on or stop, tells of the selection scores so far.
    # It says when teaching ends and nothing of what is taught, so that an arm that observes nothing may stop early too; the
    # report is stamped with it. The scores themselves are in the gate's log, which no stage reads.
    "gate": Kind(
        semantics=1,
        promise="anywhere",
        slots={"results": Slot(allows=TEACHING | {"selection"}, many=True)},
        ports=_fixed("gate"),
        adds=lambda _params, _port: BIT,
        drops=lambda _params, _port: TEACHING | {"selection"},
    ),
    "select": Kind(
        semantics=1,
        promise="anywhere",
        slots={"results": Slot(allows=TEACHING | {"selection"}, many=True)},
        ports=_fixed("choice"),
    ),
}
