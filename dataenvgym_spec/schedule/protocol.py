"""What a runner is: it runs stages, on this machine or elsewhere.

Which stages it runs, and when, is decided in `order`; what a stage needs, in `needs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a work occupies while it runs.

    Attributes:
        cpus: processors.
        gpus: whole GPUs, which no other work uses meanwhile.
        memory: bytes of main memory; 0 where nobody knows.
        machines: on how many machines of a cluster it occupies all that at once.
        light: whether no model runs in it, so that a cluster may have it elsewhere.
        here: whether it stays on the machine that drives a run, while others go to a cluster. Those
            that do, and those that do not, wait for each other's room in no way.
    """

    cpus: int = 1
    gpus: int = 0
    memory: int = 0
    machines: int = 1
    light: bool = False
    here: bool = False


LEAST = Needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A part of what a stage has its students asked, which a process of its own does.

    Attributes:
        number: from 1 on.
        count: of all that share the stage.
    """

    number: int
    count: int

    @property
    def name(self) -> str:
        """What it is called: `2-of-3`."""
        return f"{self.number}-of-{self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Stages that are run one after the other, up to the first that fails.

    Attributes:
        id: its name among the works of one run.
        targets: the stages as DVC names them, in their order.
        after: the works that must have been done before it starts.
        needs: what it occupies.
        seconds: how long it is expected to take.
        title: what a person calls it.
        experiments: those that need it; it is run, and paid for, as a part of the first.
        pull: whether DVC may fetch from its remote what was made elsewhere.
        shard: the part of its one stage that it does; None for all of its stages.
    """

    id: str
    targets: tuple[str, ...]
    after: frozenset[str] = frozenset()
    needs: Needs = LEAST
    seconds: float = 1.0
    title: str = ""
    experiments: tuple[str, ...] = ()
    pull: bool = False
    shard: Shard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a work stands that was started and has not ended.

    Attributes:
        place: the machine that it runs on; empty for this one, where all of a run is done on it.
        waits: why it does not run yet, for people; empty if it runs.
        seconds: for how long it has been running already.
    """

    place: str = ""
    waits: str = ""
    seconds: float = 0.0


RUNS: Final = Standing()
"""It runs on this machine, since just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A work that ended.

    Attributes:
        code: the exit code; 0 if all of its stages are done, `errors.LimitReached.exit_code` if it
            paused at a limit of the experiment that it was run for.
        place: the machine that it ran on; empty for this one.
        fault: whether the machine is to blame and not the stage: it was killed, or its node is
            gone. Only such a work may be tried again.
        message: why it failed, for people.
    """

    work: Work
    code: int
    place: str = ""
    fault: bool = False
    message: str = ""


def shard_command(shard: Shard) -> list[str]:
    """The command of a shard, in the directory of its stage."""
    return ["dataenvgym", "shard", str(shard.number), str(shard.count)]


class Runner(Protocol):
    """Runs works."""

    def fits(self, work: Work) -> bool:
        """Whether there is room for a work beside those that are running.

        Two works of equal needs get the same answer. What is more than all that there is gets
        everything: a runner on which nothing runs has room for any work that it will ever take.

        Raises:
            UserError: it will never take it.
        """

    def start(self, work: Work) -> Standing:
        """Starts a work that fits, and returns at once how it stands.

        What is started does not outlive this process, and the results of a stage that was done are
        there for the stages of later works.
        """

    def give_up(self, works: Sequence[Work]) -> None:
        """Hears of works that are not started any more, since something has failed."""

    def news(self) -> Sequence[tuple[Work, Standing]]:
        """How works stand for which that has changed since the last call.

        All that there is to say of a work is said before `finished` has returned it, or right
        after.
        """

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits until one of the works that are running has ended.

        Args:
            timeout: the most seconds to wait.

        Returns:
            One that ended and was not returned before; None if none did in time.
        """

    def stop(self, *, now: bool) -> None:
        """Ends all that runs, and returns at once; `finished` tells when each has ended.

        Args:
            now: kill it; otherwise it is interrupted, as by Ctrl-C, and keeps what it has made.
        """
