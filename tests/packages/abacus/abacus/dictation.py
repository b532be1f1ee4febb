"""Asks a teacher for sums and takes them down."""

from collections.abc import Iterator, Sequence

from abacus.beads import sum_of
from dataenvgym_spec.gym import Ask, Example, Painter, Request, Teacher, Tools


class Dictation:
    """One question a request."""

    def __init__(self, *, teacher: Teacher, painter: Painter, largest: int) -> None:
        self.teacher, self.painter, self.largest = teacher, painter, largest
        self.tokens = {"prompt": 0, "generated": 0}

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """What the teacher says, request by request."""
        rng = tools.random()
        asks = []
        for request in requests:
            start = rng.randint(0, self.largest)
            prompt = f"sums up to {self.largest} ({request.brief}), beginning at {start}"
            asks.append(Ask.of(request.id, prompt, seed=tools.seed))
        for request, reply in zip(requests, self.teacher.answer(asks), strict=True):
            for kind, count in reply.tokens.items():
                self.tokens[kind] += count
            lines = reply.text.splitlines()
            for line, file in zip(lines, self.painter.paint(lines, tools.seed), strict=True):
                one, other = map(int, line.split("+"))
                assert file is not None
                yield Example.of(sum_of(one, other, "beads", tools.images, file), request)
