"""What the machine that drives a run makes of what Slurm says, of its silence, and of what nodes leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Finished, Needs, Standing, Work
from dataenvgym_spec.schedule.slurm import ending, job, runner
from dataenvgym_spec.schedule.slurm.arrays import Batch, Place
from dataenvgym_spec.schedule.slurm.commands import Full, Job, NotAllowed, cancel, submit
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import written
from tests.support.repositories import call, new_repo
from tests.support.slurm import needs_slurm, slurm, without_controller
from tests.support.slurm_commands import AWAY, SlurmCommands
from tests.support.specs import SMALL
from tests.support.waiting import HANG, wait_until

POLICY = (
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: "
    "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return written(tmp_path, SMALL)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmCommands:
    monkeypatch.setattr(runner, "LOOK", 0.01)
    monkeypatch.setattr(runner, "AGAIN", 0.0)
    monkeypatch.setattr(ending, "AGAIN", 0.0)
    return SlurmCommands(tmp_path / "commands", monkeypatch)


def driving_of(layout: Layout) -> Driving:
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    return Driving(layout=layout, local=local, variables=lambda _work: {})


@pytest.fixture
def drives(layout: Layout) -> SlurmRunner:
    return SlurmRunner(driving_of(layout), SlurmCluster())


@pytest.fixture
def works(layout: Layout) -> list[Work]:
    """Works of one kind, which would be the tasks of an array."""
    stages = sorted(path.name for path in layout.store.glob("*"))[:4]
    return [Work(id=one, targets=(address(one),), experiments=("tiny",)) for one in stages]


def left(layout: Layout, work: Work, number: str, outcome: Outcome) -> None:
    """A job has left what came of it."""
    path = job.outcome_file(layout, work.id, {"SLURM_JOB_ID": number})
    atomic.write_bytes(path, outcome.pack())


def said(drives: SlurmRunner, work: Work) -> list[str]:
    """What a work is said to wait for."""
    return [standing.waits for one, standing in drives.news() if one is work]


def ended(drives: SlurmRunner, seconds: float = HANG) -> Finished:
    finished = drives.finished(seconds)
    assert finished is not None
    return finished


def test_nothing_fails_while_slurm_does_not_answer(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    commands.refuse(AWAY)
    drives.announce(works)
    for work in works[:2]:
        assert drives.start(work) == Standing(waits="for Slurm")
    assert drives.finished(0.05) is None
    assert "for Slurm, which does not answer" in said(drives, works[0])
    commands.refuse("")
    assert drives.finished(0.05) is None
    assert [line for line in commands.called if line.startswith("sbatch ")]
    # It goes away again, with the jobs in it.
    commands.refuse(AWAY)
    assert drives.finished(0.05) is None
    # What the user wants dead is not waited for.
    drives.stop(now=True)
    assert {ended(drives).code for _ in works[:2]} == {130}
    assert drives.finished(0.05) is None


def test_ctrl_c_is_over_once_slurm_has_heard_of_it(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    """Jobs that were announced run on, and no work that was started has one."""
    drives.announce(works[:3])
    commands.refuse(AWAY)
    drives.start(works[3])
    assert drives.finished(0.05) is None
    drives.stop(now=False)
    assert drives.finished(0.05) is None and drives.are_left
    commands.refuse("")
    before = len(commands.called)
    finished = ended(drives)
    assert (finished.work, finished.code) == (works[3], 130)
    assert "scancel 101 102_[0-1]" in commands.called[before:], "those that were announced"
    assert not drives.are_left and drives.finished(0.05) is None


def test_a_second_ctrl_c_does_not_wait_for_slurm(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    drives.announce(works[:3])
    commands.refuse(AWAY)
    drives.start(works[3])
    drives.stop(now=False)
    assert drives.finished(0.05) is None
    drives.stop(now=True)
    assert ended(drives).code == 130 and drives.are_left


def test_a_job_that_was_taken_without_an_answer_ends_with_the_others(
    drives: SlurmRunner,
    works: list[Work],
    commands: SlurmCommands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C at the terminal ends `sbatch` as well, which has just submitted."""
    monkeypatch.setattr(runner, "AGAIN", HANG)
    names = [drives.queue.prefix + one for one in (works[0].id, "another-run's")]
    taken = [f"{number} PENDING {name}" for number, name in enumerate(names, start=55)]
    (commands.folder / "taken").write_text("\n".join(taken), encoding="utf-8")
    sbatch = f"#!/bin/sh\ncd '{commands.folder}' && cp taken user\nkill -INT $$\n"
    (commands.folder / "sbatch").write_text(sbatch, encoding="utf-8")
    drives.start(works[0])
    assert drives.finished(0.05) is None
    drives.stop(now=False)
    assert ended(drives).code == 130
    assert [line for line in commands.called if line.startswith("scancel")] == ["scancel 55"]


def test_what_slurm_refuses_for_good_fails_and_says_why(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    drives.start(works[0])
    commands.refuse("sbatch: error: invalid partition specified: nowhere")
    finished = ended(drives)
    assert finished.code == 1 and not finished.fault
    assert finished.message.startswith("Slurm refuses: squeue: sbatch: error: invalid partition")


def test_a_limit_on_jobs_is_waited_for_as_long_as_there_are_jobs(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands.folder / "user").write_text("55\n", encoding="utf-8")
    submit = runner.commands.submit

    def full(*arguments: object) -> str:
        raise NotAllowed("no more")

    monkeypatch.setattr(runner.commands, "submit", full)
    drives.start(works[0])
    assert drives.finished(0.05) is None
    assert said(drives, works[0]) == ["for room in Slurm's queue"]
    monkeypatch.setattr(runner.commands, "submit", submit)
    assert drives.finished(0.05) is None
    assert drives.queue.there() == {}
    # A user who has no jobs there is refused this one, whatever else there is.
    monkeypatch.setattr(runner.commands, "submit", full)
    (commands.folder / "user").unlink()
    drives.start(works[1])
    while (finished := ended(drives)).work is not works[1]:
        pass
    assert finished.code == 1 and "no more" in finished.message


def test_what_the_commands_say_of_limits_and_of_their_controller(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    batch = Batch(works=(works[0],))
    commands.refuse(POLICY)
    with pytest.raises(NotAllowed, match="job submit limit"):
        drives.queue.submit(batch)
    # `sbatch` would wait two minutes before it comes back with this.
    script = "#!/bin/sh\necho 'sbatch: error: Slurm job queue full, sleeping and retrying' >&2\n"
    (commands.folder / "sbatch").write_text(f"{script}exec sleep 600\n", encoding="utf-8")
    with pytest.raises(Full, match="Slurm takes no more jobs now: sbatch: "):
        drives.queue.submit(batch)


@pytest.mark.parametrize(
    ("state", "fault", "found", "message"),
    [
        ("PREEMPTED", True, (1, True), "its job ended: PREEMPTED"),
        ("PREEMPTED", False, (1, True), "its job ended: PREEMPTED"),
        ("CANCELLED", True, (130, False), "its job was cancelled"),
        ("FAILED", True, (137, True), "it was killed"),
        ("FAILED", False, (137, False), "it was killed"),
    ],
)
def test_what_ended_a_job_tells_a_fault_of_the_machine_from_one_of_the_stage(
    layout: Layout,
    drives: SlurmRunner,
    works: list[Work],
    commands: SlurmCommands,
    state: str,
    fault: bool,
    found: tuple[int, bool],
    message: str,
) -> None:
    drives.start(works[0])
    commands.rows("101|RUNNING|0:10|node1|None|name")
    assert drives.finished(0.05) is None
    left(
        layout, works[0], "101", Outcome(code=137, place="node1", fault=fault, said="it was killed")
    )
    commands.rows(f"101|{state}|0:10|node1|None|name")
    finished = ended(drives)
    assert (finished.code, finished.fault) == found
    assert (finished.message, finished.place) == (message, "node1")


def test_a_result_that_is_not_seen_yet_is_waited_for_and_holds_up_no_other(
    layout: Layout,
    drives: SlurmRunner,
    works: list[Work],
    commands: SlurmCommands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {works[0].id}

    def put_in_place(_layout: Layout, stages: list[str]) -> None:
        for stage in stages:
            if stage not in seen:  # as a lock of a node is not seen on a network disk
                layout.stage(stage).joinpath("dvc.lock").read_text(encoding="utf-8")

    monkeypatch.setattr(runner, "put_in_place", put_in_place)
    numbers = (101, 102, 103)
    commands.rows(*(f"{number}|RUNNING|0:10|node1|None|name" for number in numbers))
    for number, work in zip(numbers, works, strict=False):
        drives.start(work)
        assert drives.finished(0.02) is None
        left(layout, work, str(number), Outcome(code=0, place="node1"))
    commands.rows(*(f"{number}|COMPLETED|0:10|node1|None|name" for number in numbers))
    assert ended(drives).work is works[0]
    assert drives.finished(0.05) is None
    seen.add(works[1].id)
    finished = ended(drives)
    assert (finished.work, finished.code) == (works[1], 0)
    # What never comes is a fault of the machines.
    monkeypatch.setattr(runner, "LATE", 0.0)
    finished = ended(drives)
    assert (finished.work, finished.code, finished.fault) == (works[2], 1, True)
    assert "No such file" in finished.message


REFUSES_ARRAYS = """\
#!/bin/sh
cd "$(dirname "$0")" || exit 1
case "$*" in *--array=*) echo "sbatch: error: Invalid qos specification" >&2; exit 1 ;; esac
cat > /dev/null; echo "sbatch $*" >> called; echo 500
"""


def test_what_slurm_refuses_when_it_is_announced_holds_up_nothing_else(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    """What waits for it gets no job that would not wait; what was taken is watched to its end."""
    (commands.folder / "sbatch").write_text(REFUSES_ARRAYS, encoding="utf-8")
    light = replace(works[0], needs=Needs(light=True))
    behind = replace(works[3], after=frozenset({works[1].id}))
    drives.announce([light, works[1], works[2], behind])
    assert len([line for line in commands.called if line.startswith("sbatch")]) == 1
    commands.rows("500|RUNNING|0:10|node1|None|name")
    for work in (light, works[1], works[2]):
        drives.start(work)
    failed = [ended(drives), ended(drives)]
    assert {one.work.id for one in failed} == {works[1].id, works[2].id}
    assert all("Invalid qos" in one.message and not one.fault for one in failed)
    left(drives.layout, light, "500", Outcome(code=3, place="node1", said="it failed"))
    commands.rows("500|FAILED|0:10|node1|None|name")
    assert ended(drives).message == "it failed"


def test_a_stop_comes_between_two_submissions(
    drives: SlurmRunner, works: list[Work], commands: SlurmCommands
) -> None:
    alone = [replace(work, needs=Needs(cpus=cpus)) for cpus, work in enumerate(works, start=1)]
    drives.announce(alone, lambda: int("sbatch" in " ".join(commands.called)))
    drives.stop(now=False)
    called = [line.partition(" ")[0] for line in commands.called]
    assert (called.count("sbatch"), called.count("scancel")) == (1, 1)
    assert drives.has_cancelled


@needs_slurm
def test_parts_of_an_array_that_real_daemons_have_room_for(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(driving_of(layout), SlurmCluster(options={"hold": True}))
    works = tuple(Work(id=f"reserve-{number}", targets=()) for number in range(8))
    with slurm(more="MaxJobCount=6\n") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        places = {}
        with pytest.raises(Full):
            for batch in queue.batches(works, {}):
                for added in queue.submit_parts(batch):
                    places |= added
        assert 0 < len(places) < 8
        assert list(places) == [work.id for work in works[: len(places)]]
        assert queue.there() == places


@pytest.mark.slow
@needs_slurm
def test_a_controller_that_goes_away_and_comes_back_loses_no_work(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "AGAIN", 1.0)
    stages = sorted(path.name for path in layout.store.glob("reserve-*"))
    work = Work(id=stages[0], targets=(address(stages[0]),), experiments=("tiny",))
    drives = SlurmRunner(driving_of(layout), SlurmCluster())
    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with without_controller(variables):
            drives.announce([work])
            drives.start(work)
            assert drives.finished(3) is None
            assert "for Slurm, which does not answer" in said(drives, work)
        assert drives.finished(0.1) is None
        wait_until(lambda: drives.finished(1) is None and drives.queue.there(), "it has a job")
        with without_controller(variables):
            assert drives.finished(3) is None
        finished = ended(drives)
        assert finished.work is work


PREEMPTS = """\
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PartitionName=low Nodes=ALL State=UP PriorityTier=1 GraceTime=5
PartitionName=high Nodes=ALL State=UP PriorityTier=9
"""


@pytest.mark.slow
@needs_slurm
def test_a_job_that_real_daemons_preempt_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root=new_repo(tmp_path / "repo", SMALL))
    call("dataenvgym", "compile", cwd=layout.root)
    (stage,) = (path.name for path in layout.store.glob("reserve-*"))
    work = Work(id=stage, targets=(address(stage),), experiments=("tiny",))
    drives = SlurmRunner(driving_of(layout), SlurmCluster(partition="low"))
    output = layout.output(stage)

    def waits() -> bool:
        return output.exists() and "waits for" in output.read_text(encoding="utf-8")

    with slurm(cpus=1, more=PREEMPTS) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        drives.start(work)
        with clone_lock(layout, stage, waiting=print):
            assert drives.finished(0.1) is None
            wait_until(waits, "its job runs, and waits for this process")
            urgent = Job(name="urgent", command=("sleep", "600"), output="/dev/null", needs=Needs())
            number = submit(urgent, SlurmCluster(partition="high"))
            finished = ended(drives)
        assert (finished.code, finished.fault) == (1, True)
        assert finished.message == "its job ended: PREEMPTED"
        cancel([Place(number)], now=True)
        drives.start(work)
        assert ended(drives).code == 0
