"""What a tracking server shows of every port, log and fact of the stages, and why not the rest.

A stage kind, port or fact that is new has to be entered here: a test compares these tables with
what there is, and what they promise with the records of a finished experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A port whose examples are a data set of the iteration's run.

    Attributes:
        kind: of the stage.
        port: its port, which holds `examples.jsonl`.
        context: what the data set is called.
    """

    kind: str
    port: str
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A file of a training's log whose rows are a data set of the iteration's run.

    Attributes:
        file: the file.
        context: what the data set is called.
    """

    file: str
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A port with a JSON file that is an artifact of the iteration's run.

    Attributes:
        kind: of the stage; of several in an iteration the last one is shown.
        port: its port.
        file: the file in it.
        path: what the artifact is called.
    """

    kind: str
    port: str
    file: str
    path: str


DATA: Final = (
    Data(kind="generate", port="candidates", context="generated"),
    Data(kind="check", port="accepted", context="accepted"),
    Data(kind="check", port="rejected", context="rejected"),
)
LEARNED: Final = (
    Logged(file="pairs.jsonl", context="pairs"),
    Logged(file="labels.jsonl", context="labels"),
)
STATES: Final = (
    State(kind="skills", port="skills", file="skills.json", path="skills/skills.json"),
    State(kind="assign", port="skills", file="skills.json", path="skills/assigned.json"),
    State(kind="plan", port="state", file="state.json", path="plan/state.json"),
    State(kind="check", port="yield", file="yield.json", path="checks/yield.json"),
)
SHOWN: Final = {
    ("plan", "plan"): "artifact plan/plan.json",
    ("evaluate", "selection"): "metric selection/accuracy",
    ("evaluate", "hidden"): "metric teaching/score_seen/",
    ("evaluate", "test"): "metric test/",
    ("label", "selection"): "metric selection/skill/",
    ("label", "test"): "metric test/base/skill/",
    ("gate", "gate"): "tag stopped",
    ("select", "choice"): "artifact selection/choice.json",
    ("student", "student"): "student",
    ("train", "student"): "student",
    **{(data.kind, data.port): f"dataset {data.context}" for data in DATA},
    **{(state.kind, state.port): f"artifact {state.path}" for state in STATES},
}
"""How each port is shown, and how the name of that begins: as a metric, artifact, data set, ..."""

PLAN: Final = {
    "allocation": "metric teaching/allocation/",
    "scores": "metric teaching/score_seen/",
    "reasons": "artifact plan/plan.md",
    "tree": "artifact plan/tree.json",
    **dict.fromkeys(("iteration", "agent_round", "groups"), "artifact plan/plan.json"),
    **dict.fromkeys(("requests", "errors", "shortfall"), "artifact plan/plan.json"),
}
"""How each field of a plan is shown."""
TREE: Final = {
    "subskills": "metric teaching/subskills/",
    "reward": "metric teaching/reward/",
    "score": "metric teaching/items_seen/",
    "move": "artifact plan/tree.md",
    **dict.fromkeys(("interval", "cut", "missing"), "artifact plan/tree.json"),
}
"""How each field of a skill in a tree is shown."""
YIELD: Final = {
    "requested": "metric yield/requested",
    "candidates": "metric yield/candidates",
    "judged": "metric yield/judged",
    "rejected": "metric yield/after/",
    "surplus": "metric teaching/generated",
    "accepted": "metric yield/accepted",
}
"""How each number of the yield is shown."""
LEDGER: Final = {
    **dict.fromkeys(("seconds", "tokens", "examples", "gpu_seconds", "usd"), "metric spent/"),
    **dict.fromkeys(("requests", "retries", "reused", "finishes", "images"), "metric teachers/"),
    **{
        name: f"entry ledger/ledger.json {name}"
        for name in ("requested", "candidates", "rejected", "stages", "phases")
    },
}
"""How each number of the ledger is shown."""
UNCOUNTED: Final = {"amount": "each kind of stage has a unit of its own, and a sum has none"}
"""Numbers of the ledger of which nothing is shown, with the reason."""

_ITEMS: Final = "items of the task: params say where they come from, and a sealed one is no one's"
HIDDEN: Final = {
    ("data", "test"): _ITEMS,
    ("data", "selection"): _ITEMS,
    ("data", "shown"): _ITEMS,
    ("data", "hidden"): _ITEMS,
    ("data", "pool"): _ITEMS,
    ("evaluate", "shown"): "answers that prompts show: errors among them are in plan/plan.json",
    ("evaluate", "pool"): "answers that a policy chooses by: what it chose is in plan/plan.json",
    ("evaluate", "candidates"): "answers that checks judge by: what they found is in the examples",
    ("reserve", "hashes"): "hashes of items: nobody looks at them",
}
"""Ports of which nothing is shown, with the reason."""

_STAMP: Final = "a stamp: the report says where stages differ in it"
_COUNT: Final = "the size of what stands in the params or in an artifact"
FACTS: Final = {
    **dict.fromkeys(("device", "precision", "weights", "processes"), "param train."),
    **dict.fromkeys(("examples", "cut", "left_out", "steps", "replayed"), "param train."),
    **dict.fromkeys(("pairs", "unpaired", "sampled"), "param train."),
    **dict.fromkeys(("desirable", "undesirable"), "param train."),
    **dict.fromkeys(("started", "seconds", "tokens", "gpus"), "metric spent/"),
    "candidates": "metric teaching/generated",
    "requested": "metric teaching/allocation/",
    "accepted": "metric teaching/accepted",
    "skipped": "metric data/skipped/",
    "wrong_gold": "metric judging/wrong_gold/",
    "unreadable": "metric judging/unreadable/",
    "accuracy": "metric selection/accuracy",
    "teachers": "metric teachers/",
    "rejected": "metric teaching/rejected/",
    "made": "artifact ledger/ledger.json",
}
"""How each fact of a stage's log is shown."""
UNSHOWN: Final = {
    **dict.fromkeys(("python", "platform", "versions", "gpu", "driver", "processor"), _STAMP),
    **dict.fromkeys(("threads", "device_batch", "backend", "sandbox"), _STAMP),
    **dict.fromkeys(("distribution", "machines", "recompute"), _STAMP),
    **dict.fromkeys(("items", "groups", "skills", "students", "parameters"), _COUNT),
    **dict.fromkeys(("training_seconds", "elsewhere"), "part of the seconds of the stage"),
    "shards": "how it was shared changes no result, and its seconds are those of all",
    "passed": "an iteration that was passed through has no run",
    "stayed": "the iteration's accepted examples are zero; the report counts such iterations",
    "set_aside": "the difference of accepted examples and of those that were trained on",
}
"""Facts of which nothing is shown, with the reason."""
LOGS: Final = {
    "run.json": "its facts: see FACTS",
    "loss.jsonl": "metric train/",
    **{one.file: f"dataset {one.context}" for one in LEARNED},
    "left-out.jsonl": "metric judging/wrong_gold/",
    "quality.json": "metric skills/quality/",
    "responses.jsonl": "not shown: as large as all prompts; 'dataenvgym trace' reads it",
}
"""The files of a stage's log."""
