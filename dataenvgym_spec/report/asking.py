"""How compared students were asked, as sentences: of a contrast, and of what teaching changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.results.parity import Aspect, Parity


def asked(parity: Parity) -> str:
    """How both students of a contrast were asked, or what differed in that."""
    if not parity.differing:
        return f"Both students were asked alike: {_alike(parity)}."
    return (
        f"The two students were not asked alike ({_apart(parity)}): the difference is also one of "
        "that, and not of teaching alone."
    )


def of_change(parities: Mapping[str, Parity]) -> Iterator[tuple[str, Parity]]:
    """How the best student and the base were asked, each sentence with what it says.

    Arms that were asked in one way share a sentence.

    Args:
        parities: of the arms.
    """
    arms: dict[Parity, list[str]] = {}
    for arm, parity in parities.items():
        arms.setdefault(parity, []).append(clean(arm))
    for parity, names in arms.items():
        who = f"The best student and the base of {', '.join(names)} were"
        if parity.differing:
            apart = f"not asked alike ({_apart(parity)})"
            yield f"{who} {apart}: what changed is not by teaching alone.", parity
        else:
            yield f"{who} asked alike: {_alike(parity)}.", parity


def _alike(parity: Parity) -> str:
    return "; ".join(f"{one.name} {clean(one.first)}" for one in parity.aspects)


def _apart(parity: Parity) -> str:
    return "; ".join(map(_both, parity.differing))


def _both(aspect: Aspect) -> str:
    first, second = clean(aspect.first), clean(aspect.second)
    return f"{aspect.name} {first} against {second}"
