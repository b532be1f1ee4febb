"""A teacher that has its answers ready: what it is asked for, it counts up."""

from collections.abc import Iterator, Sequence

from dataenvgym_spec.gym import Ask, Reply


class Canned:
    """Answers `sums up to N, beginning at S` with as many sums."""

    def __init__(self, *, sums: int) -> None:
        self.sums = sums

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """One reply to each question, in their order."""
        for ask in asks:
            words = ask.messages[-1].content.split()
            largest, start = int(words[3]), int(words[-1])
            lines = [
                f"{(start + n) % (largest + 1)}+{(start + 2 * n) % (largest + 1)}"
                for n in range(self.sums)
            ]
            tokens = {"prompt": len(words), "generated": len(lines)}
            yield Reply(
                ask=ask.id, text="\n".join(lines), tokens=tokens, finish="stop", model="canned-1"
            )
