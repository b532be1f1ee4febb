"""The loop of GRPO: TRL's trainer, on our prompts, with the scores of the task as rewards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from datasets import Dataset

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.codec import Codec
from dataenvgym_spec.gym.students.trainers.amended import Amended, without_vllm
from dataenvgym_spec.gym.students.trainers.batches import Batches, Loader
from dataenvgym_spec.gym.students.trainers.loop import options, settle
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.students.trainers.vllm_sampler import VllmSampler
from dataenvgym_spec.gym.students.trainers.watch import Watch
from dataenvgym_spec.gym.tasks.protocol import Answer, Scorer
from dataenvgym_spec.records.items import Item

with without_vllm():
    from trl import GRPOConfig, GRPOTrainer

CORRECTION: Final = {
    "vllm_importance_sampling_correction": True,
    "vllm_importance_sampling_mode": "sequence_mask",
    "vllm_importance_sampling_clip_max": 3.0,
}
"""How an answer of vLLM counts: by how much likelier it is to the student as it is trained, which
computes in another order or precision, and not at all above a bound. They are TRL's own values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How the student is asked in training.

    Attributes:
        samples: how often each question in a step.
        temperature: of drawing its tokens.
        top_p: tokens are drawn from the likeliest ones that make up this much.
        max_new_tokens: of an answer.
        shuffle: whether the scores of the answers to a question are dealt among them at random.
        sampler: what draws them.
    """

    samples: int
    temperature: float
    top_p: float
    max_new_tokens: int
    shuffle: bool = False
    sampler: Literal["transformers", "vllm"] = "transformers"


class Asked:
    """The questions, as tokens, that leave room for an answer.

    Attributes:
        examples: that are asked, in their order.
        prompts: their tokens.
        cut: none is; here since other trainings count it.
        left_out: how many leave no room.
    """

    def __init__(self, examples: Sequence[TrainingExample], job: Job, rollout: Rollout) -> None:
        """Encodes the questions.

        Raises:
            StageError: none leaves room for an answer.
        """
        self.codec = Codec(job.base, max_new_tokens=rollout.max_new_tokens)
        self.examples: list[TrainingExample] = []
        self.prompts: list[list[int]] = []
        self.cut = self.left_out = 0
        room = min(rollout.max_new_tokens, job.settings.max_length - 1)
        for example in examples:
            prompt = self.codec.encode(example.prompt)
            longest = min(job.settings.max_length - len(prompt), self.codec.room(prompt))
            if longest < room:
                self.left_out += 1
                continue
            self.examples.append(example)
            self.prompts.append(prompt)
        if not self.prompts:
            message = (
                f"no prompt leaves room for an answer of {rollout.max_new_tokens} tokens "
                f"in a max_length of {job.settings.max_length}"
            )
            help = "raise student.train.max_length, or lower max_new_tokens of the method"
            raise StageError(message, help=help)

    def __len__(self) -> int:
        return len(self.prompts)


class Groups(Batches):
    """The questions that one process asks in each batch, each as often as it is sampled.

    TRL is handed the questions of a whole step with each of its batches. A pass that does not
    divide into steps fills its last one with its own first questions.
    """

    def __init__(
        self, examples: int, job: Job, process: int, *, samples: int, accumulation: int
    ) -> None:
        super().__init__(examples, job, process)
        self.samples, self.accumulation = samples, accumulation

    def __len__(self) -> int:
        return self.accumulation * -(-self.examples // self.job.settings.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order, size = self.order(self.epoch), self.job.settings.batch_size
        own = size // self.job.processes
        first = self.process * own
        for start in range(0, len(order), size):
            step = [order[(start + place) % len(order)] for place in range(size)]
            mine = [index for index in step[first : first + own] for _ in range(self.samples)]
            for _ in range(self.accumulation):
                yield mine


class Numbers(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]
    """Rows as TRL takes them; the prompt stands for its place among the questions."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"prompt": str(index), "place": index}


class Rewards(Amended, GRPOTrainer):  # type: ignore[misc]  # the type checker skips transformers
    """Trains a model by the scores of its answers, as a job says."""

    def __init__(
        self, job: Job, model: Any, tokenizer: Any, asked: Asked, rollout: Rollout, **loss: Any
    ) -> None:
        """Sets the training up.

        Args:
            job: the training.
            model: to train.
            tokenizer: of the model.
            asked: the questions.
            rollout: how they are asked.
            loss: arguments of `GRPOConfig`.

        Raises:
            StageError: another number of processes trains than was started, or the questions of a
                step do not divide among them.
        """
        self.job, self.asked, self.rollout = job, asked, rollout
        device_batch, accumulation = _spread(job, rollout)
        given = options(job)
        given["per_device_train_batch_size"] = device_batch
        given["gradient_accumulation_steps"] = accumulation
        # What ends an answer here is what ends it in generation.
        model.generation_config.eos_token_id = sorted(asked.codec.ends)
        super().__init__(
            model=model,
            reward_funcs=[self._rewards],
            args=GRPOConfig(
                **given,
                **loss,
                **CORRECTION,
                num_generations=rollout.samples,
                temperature=rollout.temperature,
                top_p=rollout.top_p,
                max_completion_length=rollout.max_new_tokens,
            ),
            train_dataset=Dataset.from_list([Numbers(1)[0]]),
            processing_class=tokenizer,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        settle(self, job)
        self.groups = Groups(
            len(asked),
            job,
            self.args.process_index,
            samples=rollout.samples,
            accumulation=accumulation,
        )
        self.vllm = _in_vllm(job, self.accelerator.unwrap_model(self.model), rollout)
        # TRL then corrects for what vLLM finds likelier or less likely than the student does.
        self.use_vllm = self.vllm is not None

    def get_train_dataloader(self) -> Loader:
        """The batches of this process."""
        numbers = Numbers(len(self.asked))
        return Loader(
            numbers, batch_sampler=self.groups, collate_fn=self.data_collator, num_workers=0
        )

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The tokens of prompts, which are places among the questions."""
        return [self.asked.prompts[int(place)] for place in prompts], None, {}

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **more: Any) -> Any:
        """The answers to the prompts of this process in a step, and how likely they were.

        Each has a seed of its own, by its place in the step, so that a training that goes on from
        a checkpoint, or in other processes, asks for the same.
        """
        if self.vllm is None:
            return super()._generate_single_turn(prompt_ids, *args, **more)
        model = self.accelerator.unwrap_model(self.model)
        first = self.args.process_index * len(prompt_ids)
        step = self.state.global_step
        seeds = []
        for place in range(first, first + len(prompt_ids)):
            seeds.append(seed_from("rollout", self.job.seed, step, place))
        return self.vllm.answers(model, prompt_ids, seeds)

    def _rewards(
        self, *, completion_ids: list[list[int]], place: list[int], **_: Any
    ) -> list[float]:
        """The scores of answers; the answers to a question stand together."""
        assert self.job.judge is not None
        answers = []
        for index, tokens in zip(place, completion_ids, strict=True):
            item = self.asked.examples[index].item
            assert item is not None
            said = self.asked.codec.completion(self.asked.prompts[index], tokens)
            answers.append((item, Answer(text=said.text, truncated=said.truncated)))
        scores = judged(self.job.judge, answers)
        return self._dealt(scores) if self.rollout.shuffle else scores

    def _dealt(self, scores: list[float]) -> list[float]:
        """The scores of each question, dealt among its answers at random."""
        process, step = self.args.process_index, self.state.global_step
        generator = torch.Generator()
        generator.manual_seed(seed_from("dealt", self.job.seed, step, process))
        dealt: list[float] = []
        for start in range(0, len(scores), self.rollout.samples):
            group = scores[start : start + self.rollout.samples]
            order = torch.randperm(len(group), generator=generator).tolist()
            dealt += [group[place] for place in order]
        return dealt

    def tokens(self) -> int:
        """How many tokens all processes have trained on, prompts included."""
        return int(self.state.num_input_tokens_seen)

    def sampled(self) -> int:
        """How many answers were judged."""
        return int(self.state.global_step * self.job.settings.batch_size * self.rollout.samples)


def _in_vllm(job: Job, model: Any, rollout: Rollout) -> VllmSampler | None:
    """A student in vLLM, if that is what draws answers."""
    if rollout.sampler != "vllm":
        return None
    return VllmSampler(
        job,
        model,
        answers=job.settings.batch_size // job.processes * rollout.samples,
        longest=rollout.max_new_tokens,
        temperature=rollout.temperature,
        top_p=rollout.top_p,
    )


def judged(judge: Scorer, answers: Sequence[tuple[Item, Answer]]) -> list[float]:
    """What answers score; equal ones to one question are judged once, since each takes a child."""
    places: dict[tuple[str, str, bool], int] = {}
    distinct: list[tuple[Item, Answer]] = []
    numbers = []
    for item, answer in answers:
        said = (item.id, answer.text, answer.truncated)
        if said not in places:
            places[said] = len(distinct)
            distinct.append((item, answer))
        numbers.append(places[said])
    scores = judge.score(distinct)
    return [scores[number].value for number in numbers]


def _spread(job: Job, rollout: Rollout) -> tuple[int, int]:
    """How many answers a device learns from at once, and how often in a step.

    Raises:
        StageError: the questions of a step do not divide among the processes.
    """
    questions, processes = job.settings.batch_size, job.processes
    if questions % processes:
        message = f"the {questions} questions of a step do not divide among {processes} processes"
        help = f"set batch_size to a multiple of {processes}, or DATAENVGYM_PROCESSES=1"
        raise StageError(message, help=help)
    own = questions // processes * rollout.samples
    most = min(own, job.device_batch * rollout.samples)
    at_once = next(size for size in range(most, 0, -1) if own % size == 0)
    return at_once, own // at_once
