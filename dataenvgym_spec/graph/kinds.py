"""The stage kinds: what each reads, writes and promises, and which information may flow through it.

This table is the whole of what a reviewer needs to judge the proof of no leakage
(`passes/leakage.py`). A role taints whatever is computed from it. `test`, `selection`, `shown` and
`hidden` are the splits (`shown` and `hidden` the two parts of feedback), `pool` is the one that may
be taught, with `pool` in what an agent may read and nowhere else; `weights` is a student as
files, and `student` its behaviour: whatever was computed by running or reading it; `#test` and so
on are a split seen as hashes only; `bit` is a gate's answer, go on or stop; `label` is the skill of
an item of selection or test, for the report alone; `copy` is a salted copy of a student or of its
answers, for the noise floor.

A role ends at few places only, each declared below with its reason: whatever runs a student
(`evaluate`, and where it is asked `skills`, `assign`, `label`, `plan`, `generate` and `check`)
turns its weights into its behaviour (no declassification: whoever refuses one
refuses the other), `check` drops the hashes, `gate` says one bit of the selection scores, and that
bit ends in the stages that it opens or closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dataenvgym_spec.graph.kind import Kind, Role, Slot
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import (
    CheckParams,
    DataParams,
    EvaluateParams,
    GateParams,
    GenerateParams,
    PlanParams,
    ReserveParams,
    SelectParams,
    StudentParams,
    TrainParams,
)
from dataenvgym_spec.graph.skill_params import AssignParams, LabelParams, SkillsParams

SPLITS: Final[frozenset[Role]] = frozenset({"test", "selection", "shown", "hidden"})
POOL: Final[frozenset[Role]] = frozenset({"pool"})
"""Real items that may be taught and shown: a split of its own, and of all the least guarded."""
HASHES: Final[frozenset[Role]] = frozenset({"#test", "#selection", "#feedback"})
TEACHING: Final[frozenset[Role]] = frozenset({"shown", "hidden", "student", "pool"})
"""What may reach an agent and, through its examples, a student's weights."""
STUDENT: Final[frozenset[Role]] = TEACHING | {"weights"}
"""What a slot meant for a student may receive: weights, and what they were taught by."""
COPY: Final[frozenset[Role]] = frozenset({"copy"})
"""What a salted copy adds, a student or answers; only the slot of who answers receives it."""
BEHAVIOUR: Final[Mapping[Role, Role]] = {"weights": "student"}
"""What comes of running a student, or of a component that reads one.

No longer weights, and still the student's.
"""

HASHED: Final[Mapping[Role, Role]] = {
    "test": "#test",
    "selection": "#selection",
    "shown": "#feedback",
    "hidden": "#feedback",
}
"""What is left of splits in a stage that writes nothing of their items but hashes."""
BIT: Final[frozenset[Role]] = frozenset({"bit"})
"""What a gate says.

Only slots named `gate` receive it, and it ends there: a stage with a gate either does its work,
of which the bit changes nothing, or passes through what stood before.
"""


def _fixed(*names: str) -> Callable[[Params], tuple[str, ...]]:
    return lambda _params: names


def _data_ports(params: Params) -> tuple[str, ...]:
    assert isinstance(params, DataParams)
    return ("shown", "hidden") if params.role == "feedback" else (params.role,)


def _item_ports(params: Params) -> tuple[str, ...]:
    assert isinstance(params, EvaluateParams)
    return params.splits


def _split_port(params: Params) -> tuple[str, ...]:
    assert isinstance(params, LabelParams)
    return (params.split,)


def _its_name(_params: Params, port: str) -> frozenset[Role]:
    return frozenset({port})


def _hashes(params: Params, _port: str) -> frozenset[Role]:
    assert isinstance(params, ReserveParams)
    return frozenset(f"#{role}" for role in params.lanes)


def _copied(params: Params) -> frozenset[Role]:
    return COPY if getattr(params, "salt", None) is not None else frozenset()


def _weights(params: Params, _port: str) -> frozenset[Role]:
    return frozenset({"weights"}) | _copied(params)


def _behaviour(params: Params, _port: str) -> frozenset[Role]:
    return frozenset({"student"}) | _copied(params)


def _label(_params: Params, _port: str) -> frozenset[Role]:
    return frozenset({"label"})


def _bit(_params: Params, _port: str) -> frozenset[Role]:
    return BIT


def _scores(_params: Params, _port: str) -> frozenset[Role]:
    return TEACHING | {"selection"}


def _bit_and_hashes(_params: Params, port: str) -> frozenset[Role]:
    return BIT if port == "rejected" else BIT | HASHES


KINDS: Final[dict[str, Kind]] = {
    # One split. Its ports are named by the role of what they hold.
    "data": Kind(
        params=DataParams,
        part="setup",
        semantics=2,
        promise="anywhere",
        slots={},
        ports=_data_ports,
        adds=_its_name,
        worker="light",
        unreported=frozenset({"test", "selection", "shown", "hidden"}),
    ),
    # What generated examples must keep clear of, as hashes or as lanes of the hash space.
    # Where it can be, independent of how many items a split draws, so that a larger test set
    # changes no training. What a model writes lies in no lane of a procedural source, and n-grams
    # are of texts: for these the drawn items are read (`items`), and nothing of them is written but
    # hashes.
    "reserve": Kind(
        params=ReserveParams,
        part="setup",
        semantics=2,
        promise="anywhere",
        slots={"items": Slot(allows=SPLITS, many=True)},
        ports=_fixed("hashes"),
        adds=_hashes,
        turns=HASHED,
        worker="light",
        unreported=frozenset({"hashes"}),
    ),
    "student": Kind(
        params=StudentParams,
        part="setup",
        semantics=1,
        promise="same-machine",
        slots={},
        ports=_fixed("student"),
        adds=_weights,
        amount="examples",
        on_device=True,
        work="training",
        worker="heavy",
        unreported=frozenset({"student"}),
    ),
    # Names, descriptions and groups of skills come of shown items or of the pool; hidden ones are
    # refused, unless skills are the groups of the source: then the executor hands on the group of a
    # hidden item and nothing else of it. `base` is plugged in where the student is the teacher that
    # is asked.
    "skills": Kind(
        params=SkillsParams,
        part="setup",
        semantics=1,
        promise="anywhere",
        slots={
            "items": Slot(allows=frozenset({"shown", "hidden", "pool"}), many=True),
            "base": Slot(allows=frozenset({"weights"})),
        },
        ports=_fixed("skills"),
        turns=BEHAVIOUR,
    ),
    # Each item alone to one of the skills that were found before: those of hidden items go on to
    # plans.
    "assign": Kind(
        params=AssignParams,
        part="setup",
        semantics=1,
        promise="anywhere",
        slots={
            "skills": Slot(allows=frozenset({"shown", "pool", "student"})),
            "items": Slot(allows=frozenset({"shown", "hidden"}), many=True),
            "base": Slot(allows=frozenset({"weights"})),
        },
        ports=_fixed("skills"),
        turns=BEHAVIOUR,
    ),
    # The same for items of selection or test, where a spec asks for it: they have no reader but the
    # report, which joins them to scores, as no slot allows the role `label`. Where the discovery
    # asks a teacher, who is sent the questions, a split is refused that the spec does not say it
    # may read (`params.refused`).
    "label": Kind(
        params=LabelParams,
        part="closing",
        semantics=1,
        promise="anywhere",
        slots={
            "skills": Slot(allows=frozenset({"shown", "pool", "student"})),
            "items": Slot(allows=frozenset({"selection", "test"})),
            "base": Slot(allows=frozenset({"weights"})),
        },
        ports=_split_port,
        turns=BEHAVIOUR,
        adds=_label,
    ),
    # A student's answers to one split, to the pool where a policy chooses from it by them, or to
    # candidates that a check wants to know them of. The sealed evaluation names its students
    # through `choice`, the one legitimate use of selection besides selecting; its results have no
    # reader but the report. `shots` are items of the pool that every prompt shows, here and in
    # training. Salted copies answer, and what comes of it has no reader but the report.
    "evaluate": Kind(
        params=EvaluateParams,
        part="loop",
        semantics=2,
        promise="same-machine",
        slots={
            "student": Slot(allows=STUDENT | COPY, many=True),
            "base": Slot(allows=frozenset({"weights"})),
            "items": Slot(allows=SPLITS | POOL, many=True),
            "candidates": Slot(allows=TEACHING),
            "choice": Slot(allows=TEACHING | {"selection"}),
            "shots": Slot(allows=POOL),
            "gate": Slot(allows=BIT),
        },
        ports=_item_ports,
        adds=_behaviour,
        turns=BEHAVIOUR,
        drops=_bit,
        amount="items",
        on_device=True,
        work="generation",
        worker="heavy",
    ),
    # `items` is plugged in where an engine shows a teacher what errors are about: the images of
    # shown items, which then go along with the plan.
    # `student` and `base` are plugged in where the policy is declared to read a student, `pool`
    # where it is declared to read that; so are those of `generate` for the engine. `answers` is how
    # the student does on the pool, for a policy that is declared to read this; in an arm that
    # observes nothing it is not plugged in, and would be refused.
    "plan": Kind(
        params=PlanParams,
        part="loop",
        semantics=1,
        promise="anywhere",
        slots={
            "state": Slot(allows=TEACHING),
            "results": Slot(allows=TEACHING, many=True),
            "items": Slot(allows=frozenset({"shown"})),
            "answers": Slot(allows=TEACHING),
            "skills": Slot(allows=TEACHING),
            "yield": Slot(allows=TEACHING),
            "student": Slot(allows=STUDENT),
            "base": Slot(allows=frozenset({"weights"})),
            "pool": Slot(allows=POOL),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("plan", "state"),
        turns=BEHAVIOUR,
        drops=_bit,
        blinded=True,
        repeats={"state": "state"},
        unreported=frozenset({"state"}),
        tracked=True,
    ),
    "generate": Kind(
        params=GenerateParams,
        part="loop",
        semantics=1,
        promise="none",
        slots={
            "plan": Slot(allows=TEACHING),
            "yield": Slot(allows=TEACHING),
            "accepted": Slot(allows=TEACHING, many=True),
            "student": Slot(allows=STUDENT),
            "base": Slot(allows=frozenset({"weights"})),
            "pool": Slot(allows=POOL),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("candidates"),
        turns=BEHAVIOUR,
        drops=_bit,
        blinded=True,
        amount="candidates",
        work="generation",
        worker="light",
    ),
    # Declassification: a check that reads splits (`overlap`) sees them as hashes only and may only
    # remove, so what is accepted and how many there are (`yield`) pass on no hash. What it removed,
    # and why, is in `rejected`, which keeps the taint, so that no plan can read it; so is what such
    # a check only records. `answers` is how the student does on the candidates, for a check that
    # reads a student (`known`); `student` and `base` are for a check that asks one as its teacher.
    # Under `observe: nothing` it is refused whatever the check's action:
    # one that rejects turns an even policy into one that follows the student's errors, through what
    # is accepted and through the refill that its `yield` causes; one that only records puts the
    # student's answers into `accepted`, beside the examples that later stages of the blind arm
    # read.
    "check": Kind(
        params=CheckParams,
        part="loop",
        semantics=1,
        promise="anywhere",
        slots={
            "candidates": Slot(allows=TEACHING),
            "plan": Slot(allows=TEACHING),
            "accepted": Slot(allows=TEACHING, many=True),
            "yield": Slot(allows=TEACHING),
            "reserve": Slot(allows=HASHES),
            "answers": Slot(allows=TEACHING),
            "student": Slot(allows=STUDENT),
            "base": Slot(allows=frozenset({"weights"})),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("accepted", "yield", "rejected"),
        turns=BEHAVIOUR,
        drops=_bit_and_hashes,
        blinded=True,
        amount="accepted",
        worker="light",
    ),
    # `previous` is the student of the iteration before: the training starts from it where a spec
    # says so (`loop.start_from`), and it is passed through after a stop. What earlier students were
    # taught is then in the weights of this one.
    # A blind arm is blind in what it is taught as well: whatever option brings the examples
    # (`accepted`), none may be computed from a student. Which student it starts from is no
    # observation.
    # A trainer that is declared to judge has the student that it trains answer the examples'
    # questions, by itself and in this stage: what comes of it is in the weights that it writes, and
    # in the log, which no stage reads. It is handed nothing for it but `base` or `previous` and the
    # examples, so that this, too, is no observation of an arm that observes nothing.
    # `others` is how many examples the other arms accepted, where a spec asks for equal amounts
    # (`loop.teach.equal`): the amount, and nothing else of them, reaches the student.
    "train": Kind(
        params=TrainParams,
        part="loop",
        semantics=1,
        promise="same-machine",
        slots={
            "base": Slot(allows=frozenset({"weights"})),
            "accepted": Slot(allows=TEACHING, many=True),
            "previous": Slot(allows=STUDENT),
            "others": Slot(allows=TEACHING, many=True),
            "shots": Slot(allows=POOL),
            "gate": Slot(allows=BIT),
        },
        ports=_fixed("student"),
        adds=_weights,
        drops=_bit,
        blinded=True,
        sighted=frozenset({"base", "previous", "others"}),
        repeats={"student": "previous"},
        amount="examples",
        on_device=True,
        work="training",
        unreported=frozenset({"student"}),
    ),
    # Declassification, asked for by `loop.stop`: one bit per iteration, go on or stop, tells of the
    # selection scores so far. It says when teaching ends and nothing of what is taught, so that an
    # arm that observes nothing may stop early too; the report is stamped with it. The scores
    # themselves are in the gate's log, which no stage reads. What it reads must have been measured
    # on selection (`needs`): from predictions on feedback, which carry no other roles than the
    # scores do, the bit would tell a blind arm of a student's behaviour with no leave to.
    "gate": Kind(
        params=GateParams,
        part="loop",
        semantics=1,
        promise="anywhere",
        slots={
            "results": Slot(
                allows=TEACHING | {"selection"}, needs=frozenset({"selection"}), many=True
            )
        },
        ports=_fixed("gate"),
        adds=_bit,
        drops=_scores,
    ),
    "select": Kind(
        params=SelectParams,
        part="closing",
        semantics=1,
        promise="anywhere",
        slots={"results": Slot(allows=TEACHING | {"selection"}, many=True)},
        ports=_fixed("choice"),
        tracked=True,
    ),
}
