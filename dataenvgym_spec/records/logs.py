"""The circumstances of a stage's run: timings, tokens, device, versions.

No result depends on them.
"""

from __future__ import annotations

from dataenvgym_spec.records.record import Record


class TeacherUse(Record, frozen=True, kw_only=True):
    """What a stage asked of one teacher, and what that took.

    A response counts as paid for by the stage that it was asked for first. Where that is another
    one, it was found in the journal and is `reused`: it costs nothing twice.

    Attributes:
        kind: of the teacher.
        requests: that were made for this stage, those of earlier attempts and retries included.
        retries: how many of them were made again after a failure.
        replayed: responses of earlier attempts, or of a colleague, that the journal had.
        tokens: of what this stage paid for: `prompt`, `generated`, and `cached` of the prompt.
        batched: those of `tokens` that came by the service's batch interface.
        images: that a service painted and this stage paid for, by what their price goes by.
        reused: responses that another stage has paid for.
        reused_tokens: theirs.
        reused_images: theirs.
        finishes: responses by how they ended; `invalid` were of another shape, and asked for again.
        seconds: spent waiting for it, now.
    """

    kind: str
    requests: int
    retries: int = 0
    replayed: int = 0
    tokens: dict[str, int]
    batched: dict[str, int] | None = None
    images: dict[str, int] | None = None
    reused: int = 0
    reused_tokens: dict[str, int]
    reused_images: dict[str, int] | None = None
    finishes: dict[str, int]
    seconds: float = 0.0


class Log(Record, frozen=True, kw_only=True):
    """What a stage records of its run; `log/run.json`. Which facts are there depends on its kind.

    Attributes:
        started: in seconds since the epoch.
        seconds: by phase, and in `total`.
        versions: of the packages that can change a result, those of installed components included.
        passed: whether the loop had stopped and the stage passed through what stood before.
        stayed: whether a training had no new example, so that the student before it stays.
        tokens: by what was done with them: prompt, generated, trained.
        teachers: what each teacher was asked, by its model or kind.
        precision: of the arithmetic, such as `bfloat16`.
        weights: precision of the weights that were trained.
        made: what became of an engine's calls to a teacher, in numbers.
        skipped: rows of a source that gave no item, by reason.
        gpu: the names of the GPUs that the machine has, where one was used.
        gpus: over how many a model that generates was split, where it was more than one.
        driver: the version of their driver; that of CUDA is among the versions.
        processor: the model of the CPU, where a model ran on it.
        processes: that trained side by side.
        device_batch: examples that a device took at once in training.
        machines: over which they were spread, where it was more than one.
        distribution: how a student's weights were spread over processes in training, where they
            were.
        recompute: whether activations were computed again in training, to save memory.
        threads: that a model on the CPU had.
        shards: processes of their own that asked a student for the stage, where there were some.
        elsewhere: the seconds that those took, and attempts before whose answers were kept; they
            are part of `seconds`.
        wrong_gold: items of a draw that were not taken, since their gold answers score wrong.
        sandbox: where answers were judged: in `bubblewrap`, or in a `process` without rights.
        unreadable: how many answers could not be judged, by cause: an exception or a limit.
        cut: examples that were longer than they may be, and learned without their ends.
        left_out: examples that were not learned: their prompts left no room for an answer.
        set_aside: accepted examples of its iteration that a training left out, so that arms are
            taught equal amounts or a part of another arm's data.
        pairs: of a better and a worse answer that a training learned.
        unpaired: examples that it did not learn, as there was no worse answer to them.
        desirable: answers that a training learned as such.
        undesirable: answers that it learned as the contrary.
        sampled: answers of the student in its training that were judged.
        replayed: examples of earlier iterations that a training taught again.
        rejected: candidates that were not accepted, by the check that rejected them, or surplus.
        accuracy: on selection by iteration, as a gate saw it.
    """

    started: float
    seconds: dict[str, float]
    python: str | None = None
    platform: str | None = None
    versions: dict[str, str] | None = None
    passed: bool | None = None
    stayed: bool | None = None
    tokens: dict[str, int] | None = None
    teachers: dict[str, TeacherUse] | None = None
    device: str | None = None
    precision: str | None = None
    weights: str | None = None
    backend: str | None = None
    gpu: str | None = None
    gpus: int | None = None
    driver: str | None = None
    processor: str | None = None
    processes: int | None = None
    device_batch: int | None = None
    machines: int | None = None
    distribution: str | None = None
    recompute: bool | None = None
    threads: int | None = None
    shards: int | None = None
    elsewhere: float | None = None
    parameters: int | None = None
    steps: int | None = None
    training_seconds: float | None = None
    items: int | None = None
    groups: int | None = None
    skipped: dict[str, int] | None = None
    skills: int | None = None
    students: int | None = None
    requested: int | None = None
    candidates: int | None = None
    made: dict[str, int] | None = None
    accepted: int | None = None
    examples: int | None = None
    wrong_gold: int | None = None
    sandbox: str | None = None
    unreadable: dict[str, int] | None = None
    cut: int | None = None
    left_out: int | None = None
    set_aside: int | None = None
    replayed: int | None = None
    pairs: int | None = None
    unpaired: int | None = None
    desirable: int | None = None
    undesirable: int | None = None
    sampled: int | None = None
    rejected: dict[str, int] | None = None
    accuracy: tuple[float | None, ...] | None = None

    @property
    def ended(self) -> float:
        """When it ended, in seconds since the epoch."""
        return self.started + self.seconds["total"] - (self.elsewhere or 0.0)


class LossPoint(Record, frozen=True, kw_only=True):
    """A point of the training curve; a row of `log/loss.jsonl`.

    Attributes:
        reward: the mean score of sampled answers, or by how much better answers lead in the
            implicit reward of DPO and KTO.
        preferred: the share of pairs of which the better answer leads.
        kl: how far the student has moved from where it began, where that is held against it.
        apart: how far the student and what drew its answers are apart in the logarithm of a
            token's probability, where those are two: in the mean over tokens.
    """

    step: int
    loss: float | None = None
    learning_rate: float | None = None
    seconds: float = 0.0
    reward: float | None = None
    preferred: float | None = None
    kl: float | None = None
    apart: float | None = None
