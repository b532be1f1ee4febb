"""An engine that keeps what a teacher gets right: with the student as teacher, expert iteration.

The questions are real or procedural; only the answers are written, and each is kept or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.engines.named import named_items
from dataenvgym_spec.gym.engines.streams import stream_for
from dataenvgym_spec.gym.engines.untaken import untaken
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.tasks.protocol import Answer, Scorer, Source
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.items import WORDS, Item, canonical
from dataenvgym_spec.records.plans import Request

LOOKS: Final = 20
"""Items that are looked at for each that is wanted: a small family repeats itself without end."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A question for a request, and what was answered to it.

    Attributes:
        asked: the name of the question.
        replies: those that are whole, in the order of the samples.
    """

    request: Request
    item: Item
    asked: str
    replies: list[Reply] = field(default_factory=list)


class ExpertIteration:
    """Has questions answered several times each, and keeps an accepted answer to each.

    Attributes:
        counts: questions that were answered as wanted, and those that were given up.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        samples: int,
        accept: Literal["scorer", "majority"],
        top_up: int,
        source: Source | None = None,
        pool: Sequence[Item] = (),
    ) -> None:
        self.teacher, self.template = teacher, PromptTemplate(prompt)
        self.samples, self.accept, self.top_up = samples, accept, top_up
        self.source, self.pool = source, list(pool)
        self.counts = {"accepted": 0, "given_up": 0}

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Examples request by request, as many as are asked for if the teacher can.

        A request that names items of the pool (`like`) gets these, in their order, where it is the
        pool that is asked. All requests are asked about at once. In place of questions without an
        accepted answer others are taken, a bounded number of times.

        Raises:
            StageError: a request is for a skill that nothing ties to a group of the source, or for
                a subskill that is no variant; or it names an item that the pool does not have.
        """
        waiting = {request.id: self._questions(request, tools) for request in requests}
        made: dict[str, list[Example]] = {request.id: [] for request in requests}
        taken: set[str] = set()
        for _ in range(self.top_up + 1):
            attempts: list[Attempt] = []
            for request in requests:
                missing = request.count - len(made[request.id])
                some = islice(waiting[request.id], missing * LOOKS)
                for item in untaken(some, missing, taken):
                    asked = f"{request.id}/{item.id}"
                    attempts.append(Attempt(request=request, item=item, asked=asked))
            if not attempts:
                break
            self._ask(attempts, tools)
            for attempt, reply in zip(attempts, self._kept(attempts, tools), strict=True):
                self.counts["given_up" if reply is None else "accepted"] += 1
                if reply is not None:
                    made[attempt.request.id].append(self._example(attempt, reply))
        for request in requests:
            yield from made[request.id]

    def _questions(self, request: Request, tools: Tools) -> Iterator[Item]:
        """What can be asked for a request, in order."""
        if self.source is not None:
            return stream_for(self.source, request, tools)
        named = named_items(request, {item.id: item for item in self.pool})
        if named:
            return iter(named)
        groups = set(groups_for(request, tools, sorted({item.group for item in self.pool})))
        items = [item for item in self.pool if item.group in groups]
        random.Random(seed_from("expert", tools.seed, request.id)).shuffle(items)
        return iter(items)

    def _ask(self, attempts: Sequence[Attempt], tools: Tools) -> None:
        asks = []
        for attempt in attempts:
            seed = seed_from("expert", tools.seed, attempt.asked)
            prompt = self.template.render(attempt.item)
            asks.append(Ask.of(attempt.asked, prompt, samples=self.samples, seed=seed))
        by_name = {attempt.asked: attempt for attempt in attempts}
        for reply in self.teacher.answer(asks):
            if reply.usable:
                by_name[reply.ask].replies.append(reply)

    # --- what is kept -----------------------------------------------------------------------------

    def _kept(self, attempts: Sequence[Attempt], tools: Tools) -> list[Reply | None]:
        """The accepted reply to each question; None where there is none."""
        assert tools.scorer is not None
        if self.accept == "majority":
            return [self._majority(attempt, tools.scorer) for attempt in attempts]
        pairs = []
        for attempt in attempts:
            pairs += [(attempt.item, Answer(text=reply.text)) for reply in attempt.replies]
        scores = iter(tools.scorer.score(pairs) if pairs else ())
        kept: list[Reply | None] = []
        for attempt in attempts:
            right = [reply for reply in attempt.replies if next(scores).correct]
            kept.append(next(iter(right), None))
        return kept

    def _majority(self, attempt: Attempt, scorer: Scorer) -> Reply | None:
        """The first of the replies that more than half of the samples agree on."""
        camps: list[list[Reply]] = []
        for reply in attempt.replies:
            camp = next((camp for camp in camps if _agree(attempt, camp[0], reply, scorer)), None)
            if camp is None:
                camps.append([reply])
            else:
                camp.append(reply)
        large = [camp for camp in camps if 2 * len(camp) > self.samples]
        return large[0][0] if large else None

    def _example(self, attempt: Attempt, reply: Reply) -> Example:
        """A question with the answer that was written to it.

        What tells of its own answer goes with it only where that was looked at.
        """
        answered = msgspec.structs.replace(attempt.item, target=reply.text)
        if self.accept != "scorer":
            answered = msgspec.structs.replace(answered, verifier={}, targets=())
        provenance = Provenance(asks=(attempt.asked,), model=reply.model)
        example = Example.of(answered, attempt.request)
        return msgspec.structs.replace(example, provenance=provenance)


def _agree(attempt: Attempt, one: Reply, other: Reply, scorer: Scorer) -> bool:
    """Whether two answers say the same: in the same words, or as the scorer reads them."""
    if canonical(one.text, WORDS) == canonical(other.text, WORDS):
        return True
    if attempt.item.verifier:
        return False  # the scorer would say what is right, and not what is the same
    asked = msgspec.structs.replace(attempt.item, target=one.text, targets=())
    (score,) = scorer.score([(asked, Answer(text=other.text))])
    return score.correct
