"""What a stage that asks teachers has used so far, and what remains of what it is asking for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataenvgym_spec.core.text import duration_text
from dataenvgym_spec.records.logs import TeacherUse
from dataenvgym_spec.records.progress import Asked, Progress
from dataenvgym_spec.results.prices import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """One teacher: what is done, and what the rest takes if it is like what is done.

    Attributes:
        teacher: its name.
        done: answers that are there.
        reused: of these, those that cost nothing now: they were in the journal.
        wanted: answers in all, as far as is known: a stage may ask again later.
        tokens: that were paid for, read and written.
        usd: US dollars for these and for images; None if the table of prices knows neither.
        tokens_left: about as many remain.
        usd_left: about as many US dollars remain.
        seconds_left: about as many seconds remain; None before the first answer has come.
        images: that were paid for, where it paints.
        images_left: about as many remain.
    """

    teacher: str
    done: int
    reused: int
    wanted: int
    tokens: int
    usd: float | None
    tokens_left: int
    usd_left: float | None
    seconds_left: float | None
    images: int = 0
    images_left: int = 0

    @property
    def left(self) -> int:
        """Answers that are still to come."""
        return self.wanted - self.done

    def text(self) -> str:
        """All of it on a line.

        >>> one = Projection(
        ...     teacher="gpt", done=5, reused=1, wanted=2000, tokens=40, usd=0.4,
        ...     tokens_left=15000, usd_left=1.5, seconds_left=90.0,
        ... )
        >>> one.text().partition("; ")[0]
        'gpt: 5 of 2,000 answers (1 from the journal), 40 tokens, 0.4 USD'
        >>> one.text().partition("; ")[2]
        'about 15,000 tokens, 1.50 USD, 90 s remain'
        """
        journal = f" ({self.reused:,} from the journal)" if self.reused else ""
        so_far = _amounts(self.tokens, self.images, self.usd, None)
        text = f"{self.teacher}: {self.done:,} of {self.wanted:,} answers{journal}, {so_far}"
        if not self.left:
            return text
        ahead = _amounts(self.tokens_left, self.images_left, self.usd_left, self.seconds_left)
        return f"{text}; about {ahead} remain"


def projections(progress: Progress, prices: Prices) -> tuple[Projection, ...]:
    """Of each teacher that is asked, by name.

    Args:
        progress: of the stage.
        prices: what tokens cost.
    """
    used = progress.log.teachers or {}
    return tuple(
        _projection(name, asked, used[name], prices)
        for name, asked in sorted(progress.asked.items())
        if name in used
    )


def _projection(name: str, asked: Asked, used: TeacherUse, prices: Prices) -> Projection:
    done = sum(used.finishes.values())
    left = max(0, asked.wanted - done)
    own, other = used.tokens, used.reused_tokens
    tokens = {word: own.get(word, 0) for word in ("prompt", "generated", "cached")}
    # What was found in the journal tells how long answers are as well as what came now.
    each = {word: count + other.get(word, 0) for word, count in tokens.items()}
    ahead = _scaled(each, left, done)
    batched = None
    if used.batched is not None:
        batched = {
            word: _part(ahead[word], used.batched.get(word, 0), tokens[word]) for word in each
        }
    images = used.images or {}
    painted = _scaled(_together(images, used.reused_images or {}), left, done)
    names = (name, used.kind)
    return Projection(
        teacher=name,
        done=done,
        reused=used.replayed + used.reused,
        wanted=max(asked.wanted, done),
        tokens=_sum(tokens),
        usd=prices.usd(names, tokens, used.batched, images),
        tokens_left=_sum(ahead),
        usd_left=prices.usd(names, ahead, batched, painted),
        seconds_left=left * asked.seconds / asked.received if asked.received else None,
        images=sum(images.values()),
        images_left=sum(painted.values()),
    )


def _scaled(amounts: Mapping[str, int], left: int, done: int) -> dict[str, int]:
    """What is left takes as much as what is done, each."""
    return {name: round(amount * left / max(1, done)) for name, amount in amounts.items()}


def _part(amount: int, part: int, whole: int) -> int:
    return round(amount * part / whole) if whole else 0


def _together(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in (*first, *second)}


def _sum(tokens: Mapping[str, int]) -> int:
    return tokens["prompt"] + tokens["generated"]


def _amounts(tokens: int, images: int, usd: float | None, seconds: float | None) -> str:
    amounts = [f"{images:,} images"] if images else []
    if tokens or not images:
        amounts.append(f"{tokens:,} tokens")
    if usd is not None:
        amounts.append(f"{usd:,.2f} USD" if usd >= 1 else f"{usd:.2g} USD")
    if seconds is not None:
        amounts.append(duration_text(seconds))
    return ", ".join(amounts)
