"""The account of one teacher in one stage, counted up while it is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dataenvgym_spec.gym.teachers.protocol import Finish, Reply
from dataenvgym_spec.records.logs import TeacherUse
from dataenvgym_spec.records.progress import Asked


@dataclass(slots=True)
class Used:
    """What was asked and what came; see `TeacherUse` and `Asked`."""

    kind: str
    wanted: int = 0
    received: int = 0
    requests: int = 0
    retries: int = 0
    replayed: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    batched: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    reused_tokens: Counter[str] = field(default_factory=Counter)
    reused_images: Counter[str] = field(default_factory=Counter)
    finishes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def count(self, reply: Reply, *, finish: Finish, own: bool, received: bool) -> None:
        """Counts a response.

        Args:
            reply: what it says.
            finish: how it ended, its shape considered.
            own: whether it was asked for, now or in an earlier attempt, for this stage.
            received: whether it came now.
        """
        self.finishes[finish] += 1
        self.received += received
        if own:
            self.requests += reply.tries
            self.retries += reply.tries - 1
            self.replayed += not received
            self.tokens.update(reply.tokens)
            if reply.batched:
                self.batched.update(reply.tokens)
        else:
            self.reused += 1
            self.reused_tokens.update(reply.tokens)
        if reply.image is not None:
            images = self.images if own else self.reused_images
            images[reply.image] += 1

    def asked(self) -> Asked:
        """How far it is."""
        seconds = round(self.seconds, 3)
        return Asked(wanted=self.wanted, received=self.received, seconds=seconds)

    def record(self) -> TeacherUse:
        """As the log holds it."""
        return TeacherUse(
            kind=self.kind,
            requests=self.requests,
            retries=self.retries,
            replayed=self.replayed,
            tokens=dict(sorted(self.tokens.items())),
            batched=dict(sorted(self.batched.items())) or None,
            images=dict(sorted(self.images.items())) or None,
            reused=self.reused,
            reused_tokens=dict(sorted(self.reused_tokens.items())),
            reused_images=dict(sorted(self.reused_images.items())) or None,
            finishes=dict(sorted(self.finishes.items())),
            seconds=round(self.seconds, 3),
        )
