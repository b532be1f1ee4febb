"""Builds the stages of one arm that nobody reads but the report, and draws of test sets.

Baselines, other test sets, the sealed test after the loop, and labels. The loop itself is in
`stages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from dataenvgym_spec.compile.lower.stage_list import StageList
from dataenvgym_spec.compile.lower.turn import Inputs, Setup, Turn
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Input
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.graph.skill_params import LabelParams
from dataenvgym_spec.language.task import WRONG_GOLD, Draw
from dataenvgym_spec.resolve.lanes import WHOLE

P = TypeVar("P", bound=Params)


class Reported(StageList):
    """Builds stages for the report."""

    def drawing(self, role: str, source: Component, amount: Draw | str) -> DataParams:
        """How a split draws, before anything is kept apart from it."""
        share = self.record.task.wrong_gold
        return DataParams(
            role=role,  # type: ignore[arg-type]
            source=source,
            score=self.score,
            wrong_gold=None if share == WRONG_GOLD else share,
            # The rest is all that lies in its lane.
            draw="all" if isinstance(amount, str) else amount,
            lane=self.lanes[role],
            seed=self.splits_seed,
            form=self.bind.form,
        )

    def kept_apart(self, params: P, sources: dict[str, Component] | None) -> P:
        """Parameters with what must not be drawn: sources by role, each in the lane of its role."""
        if sources is None:
            return params
        owned = {role: self.lanes[role] for role in sources}
        return msgspec.structs.replace(params, apart=sources, apart_lanes=owned)

    def baselines(self, turn: Turn, test: str) -> None:
        """The untaught student's answers to the sealed test under other prompts.

        Nothing reads them but the report.
        """
        items = Input(slot="items", stage=test, port="test")
        for name, baseline in self.record.baselines.items():
            params = self.asked(("test",), baseline.prompt)
            inputs = (*self.students(turn.student), items, *self.shots(baseline.prompt))
            what = f"evaluate baseline {name} on test"
            self.add(0, what, "evaluate", params, *inputs, baseline=name)

    def probe(self, name: str) -> str:
        """Draws another test set: what no split has, so that it changes none of them.

        Problems that are made lie in the lane of the sealed test, which nothing is taught of.
        """
        source, probe = self.bind.probed(name), self.record.task.splits.probes[name]
        params = self.drawing("test", source, probe.draw)
        others = {role: one for role, one in self.bind.splits().items() if not one.procedural}
        if not source.procedural:
            params = msgspec.structs.replace(params, lane=WHOLE)
            params = self.kept_apart(params, others or None)
        return self.add(None, f"draw the probe {name}", "data", params, probe=name)

    def probes(self, turn: Turn) -> dict[str, str]:
        """The other test sets, by name, each answered by the untaught student."""
        drawn = {name: self.probe(name) for name in self.record.task.splits.probes}
        for name, probe in drawn.items():
            items = Input(slot="items", stage=probe, port="test")
            inputs = (*self.students(turn.student), items, *self.shots())
            params, what = self.evaluation(("test",)), f"evaluate on the probe {name}"
            self.add(0, what, "evaluate", params, *inputs, probe=name)
        return drawn

    def sealed(
        self, students: Inputs, choice: Input, test: str, *, probe: str | None = None
    ) -> None:
        """The evaluation of best and last on test, which nothing reads but the report.

        The same of another test set, a probe.
        """
        items = Input(slot="items", stage=test, port="test")
        inputs = (*self.students(*students), items, choice, *self.shots())
        params, of = self.evaluation(("test",)), "test" if probe is None else f"the probe {probe}"
        self.add(None, f"evaluate best and last on {of}", "evaluate", params, *inputs, probe=probe)

    def each(self, turns: Sequence[Turn], test: str) -> None:
        """The sealed test for every student of the loop, which nothing reads but the report.

        It stands outside of the iterations, and after a stop there is nothing more to answer.
        """
        items = Input(slot="items", stage=test, port="test")
        for turn in turns:
            inputs = (*self.students(turn.student), items, *self.shots())
            params, what = self.evaluation(("test",)), f"evaluate iteration {turn.number} on test"
            self.add(None, what, "evaluate", params, *inputs, gate=turn.gate, each=turn.number)

    def labels(self, setup: Setup) -> None:
        """The skills of items of selection and test, which nothing reads but the report.

        Those of the source say it themselves.
        """
        skills = self.record.skills
        if skills is None or not skills.labelled:
            return
        discovery = self.bind.component("discovery", skills.discover)
        if discovery.of_groups:
            return
        readable = skills.readable if discovery.asks_teacher else None
        student = self.untaught_read_by(discovery)
        for split in skills.labelled:
            params = LabelParams(split=split, discover=discovery, may_read=readable)
            items = Input(slot="items", stage=setup.splits[split], port=split)
            self.add(
                None, f"label the {split} split", "label", params, *setup.found, items, *student
            )


def items_of(role: str, split: str) -> Inputs:
    """All items of a split."""
    ports = ("shown", "hidden") if role == "feedback" else (role,)
    return tuple(Input(slot="items", stage=split, port=port) for port in ports)
