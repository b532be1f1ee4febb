"""What a row of the table of stage kinds says; the table itself is in `kinds`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.language.declared import Promise

Role = str
StagePart = Literal["setup", "loop", "closing"]
WorkKind = Literal["training", "generation", "other"]
Worker = Literal["light", "heavy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A named input.

    Attributes:
        allows: the roles it may receive.
        needs: the roles without which it may receive nothing: for a slot that is meant for one
            split, whatever else its results carry.
        many: whether several ports can be plugged in.
    """

    allows: frozenset[Role]
    needs: frozenset[Role] = frozenset()
    many: bool = False


def _nothing(_params: Params, _port: str) -> frozenset[Role]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of stage.

    Attributes:
        params: the record of its parameters.
        part: where in an experiment it stands.
        semantics: raised when the results change for the same input; part of every key.
        promise: what running it again gives: the same bytes anywhere, on the same machine and
            versions, or neither.
        slots: its inputs, by name.
        ports: what it writes.
        adds: the roles that a port's content takes on here.
        turns: the roles that become another one here.
        drops: the roles that a port does not pass on; each one is a declassification and says why
            in a comment.
        blinded: under `observe: nothing`, its slots refuse a student, its weights and its
            behaviour.
        sighted: slots that are no part of an agent, and refuse neither.
        repeats: ports that repeat what came through a slot when the loop has stopped; its other
            ports are empty then.
        unreported: ports that no report reads.
        amount: the fact in its log that says how much it worked on.
        work: what its time is spent on, for estimates and the ledger.
        on_device: whether a student runs or is trained in it: on a GPU where there is one.
        worker: which warm worker can run it; None where a process of its own costs little.
        tracked: whether tracking is brought up to date after it.
    """

    params: type[Params]
    part: StagePart
    semantics: int
    promise: Promise
    slots: Mapping[str, Slot]
    ports: Callable[[Params], tuple[str, ...]]
    adds: Callable[[Params, str], frozenset[Role]] = _nothing
    turns: Mapping[Role, Role] = field(default_factory=dict)
    drops: Callable[[Params, str], frozenset[Role]] = _nothing
    blinded: bool = False
    sighted: frozenset[str] = frozenset()
    repeats: Mapping[str, str] = field(default_factory=dict)
    unreported: frozenset[str] = frozenset()
    amount: str | None = None
    work: WorkKind = "other"
    on_device: bool = False
    worker: Worker | None = None
    tracked: bool = False

    @property
    def gated(self) -> bool:
        """Whether a gate can tell it to pass through what stood before."""
        return "gate" in self.slots

    def guards(self, slot: str) -> bool:
        """Whether a slot refuses a student in an arm that observes nothing."""
        return self.blinded and slot not in self.sighted

    def allowed(
        self, slot: str, params: Params, carried: Collection[Role], *, blind: bool
    ) -> frozenset[Role]:
        """The roles that a slot may receive from a port that carries some.

        Args:
            slot: the slot.
            params: the parameters of the stage.
            carried: the roles that the port carries.
            blind: whether the stage belongs to an arm that observes nothing.
        """
        declared = self.slots[slot]
        if not declared.needs.issubset(carried):
            return frozenset()
        allows = declared.allows - params.refused
        return allows - {"student", "weights"} if blind and self.guards(slot) else allows
