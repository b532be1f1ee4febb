"""Jobs of Slurm whose works are not started any more: none of them runs once its driver has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.cli.engines import OnSlurm
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.order import Outcome, carry_out
from dataenvgym_spec.schedule.parcels.parcel import Outcome as Said
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.slurm import ending, job, runner
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import written
from tests.support.slurm_commands import AWAY, SlurmCommands
from tests.support.specs import SMALL

FAILS, BEHIND, BESIDE, NEXT, OTHER = range(5)
"""Works: one that fails, the one behind it, two of the same experiment, and one that another needs."""


class Driven:
    """A driver whose jobs have been announced, in a Slurm that says what a test wants."""

    def __init__(self, layout: Layout, commands: SlurmCommands) -> None:
        self.layout, self.commands = layout, commands
        self.engine = OnSlurm(layout, SlurmCluster(), {})
        local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
        found = self.engine.around(local, lambda _work: {})
        assert isinstance(found, SlurmRunner)
        self.runner = found
        stages = sorted(path.name for path in layout.store.glob("*"))
        # Of different needs, they are no tasks of arrays: their numbers are those of jobs.
        self.works = [
            Work(id=one, targets=(address(one),), needs=Needs(cpus=cpus), experiments=("a",))
            for cpus, one in enumerate(stages[:5], start=1)
        ]
        self.works[BEHIND] = replace(self.works[BEHIND], after=frozenset({stages[FAILS]}))
        self.works[NEXT] = replace(self.works[NEXT], after=frozenset({stages[BESIDE]}))
        self.works[OTHER] = replace(
            self.works[OTHER], after=frozenset({stages[BESIDE]}), experiments=("a", "b")
        )
        self.engine.announce(self.works)

    def number(self, work: int) -> str:
        """Of a job."""
        return str(self.numbers[self.works[work].id])

    def ends(self, *, keep_going: bool) -> Outcome:
        """The end of the run, where one job has failed, and all the others would be done."""
        self.numbers = dict(self.runner._jobs)
        assert len(self.numbers) == len(self.works), "all are submitted"
        for work in self.works:
            code = int(work is self.works[FAILS])
            said = Said(code=code, place="node1", said="it failed" if code else "")
            at = {"SLURM_JOB_ID": str(self.numbers[work.id])}
            atomic.write_bytes(job.outcome_file(self.layout, work.id, at), said.pack())
        self.commands.rows(
            *(f"{place}|COMPLETED|0:10|node1|None|x" for place in self.numbers.values())
        )
        return carry_out(self.works, self.runner, keep_going=keep_going)

    @property
    def cancelled(self) -> set[str]:
        """The numbers of jobs of which Slurm was told."""
        words = [line.split() for line in self.commands.called]
        return {number for line in words if line[0] == "scancel" for number in line[1:]}


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driven:
    monkeypatch.setattr(runner, "LOOK", 0.01)
    monkeypatch.setattr(runner, "put_in_place", lambda *_: None)
    monkeypatch.setattr(ending, "AGAIN", 0.0)
    commands = SlurmCommands(tmp_path / "commands", monkeypatch)
    return Driven(written(tmp_path, SMALL), commands)


def test_jobs_of_an_experiment_that_failed_are_cancelled(
    driven: Driven, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also those that wait for no failure: Slurm would start them when nobody watches."""
    outcome = driven.ends(keep_going=False)
    assert (outcome.done, outcome.skipped) == (2, 2)
    assert driven.cancelled == {driven.number(BEHIND), driven.number(NEXT)}
    driven.engine.close()
    said = "cancelled in Slurm: 2 jobs of experiments that did not finish\n"
    assert capsys.readouterr().err == said


def test_what_goes_on_after_a_failure_is_watched_to_its_end(driven: Driven) -> None:
    outcome = driven.ends(keep_going=True)
    assert (outcome.done, outcome.skipped) == (3, 1)
    assert driven.cancelled == {driven.number(BEHIND)}


def test_what_slurm_has_not_heard_is_said_again_and_then_to_the_user(
    driven: Driven, capsys: pytest.CaptureFixture[str]
) -> None:
    driven.commands.refuse(AWAY)
    driven.runner.give_up(driven.works[BEHIND:NEXT])
    driven.engine.close()
    assert "Slurm does not answer, so it may go on with jobs" in capsys.readouterr().err
    driven.commands.refuse("")
    assert driven.runner.finished(0.0) is None
    assert not driven.runner.are_left
    driven.engine.close()
    assert "cancelled in Slurm: 2 jobs" in capsys.readouterr().err
