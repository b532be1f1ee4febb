"""What `dataenvgym plan` says of power: the smallest difference that each contrast would find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.questions.power import LEVEL, Expected
from dataenvgym_spec.results.evidence.power import WANTED

_BOUNDS: Final = {
    (False, False): "",
    (True, False): "at least ",
    (False, True): "at most ",
    (True, True): "about ",
}
"""What a figure is, by whether it is too low and whether it is too high."""


def power_lines(found: Sequence[Expected]) -> Iterator[str]:
    """The lines of one experiment; none without a contrast."""
    if not found:
        return
    yield f"  smallest difference that is found in {WANTED:.0%} of studies, in points:"
    least = [_least(one) for one in found]
    width = max(8, *map(len, least))
    for one, figure in zip(found, least, strict=True):
        yield f"    {figure:>{width}}  {one.question.title} ({_design(one)})"
    yield f"    assumed: {'; '.join(_assumed(found))}"


def _least(one: Expected) -> str:
    if one.counts is None:
        return "unknown"
    if one.least is None:
        return "none"
    return f"{_BOUNDS[one.too_low, one.too_high]}{100 * one.least:.1f}"


def _design(one: Expected) -> str:
    """Items, runs and the level of the test, and what was measured of the two students."""
    if one.counts is None:
        return "items are not known before they are drawn"
    parts = [plural(one.counts.items, "item")]
    if one.too_high:
        parts.append(f"{plural(one.counts.clusters, 'cluster')}, each as one")
    parts.append(plural(one.runs, "run"))
    if one.family > 1:
        kind = "primary" if one.question.primary else "exploratory"
        parts.append(f"Holm over {one.family} {kind}")
    if one.basis.source == "answers":
        parts.append(f"{one.basis.discordance:.0%} of items answered differently so far")
    if one.runs > 1 and one.basis.deviation_source == "answers":
        parts.append(f"runs differed by {_deviations([one])}")
    return ", ".join(parts)


def _assumed(found: Sequence[Expected]) -> Iterator[str]:
    """What the figures rest on beside the design."""
    yield f"two-sided tests at {LEVEL:.0%}"
    for source, why in _DISCORDANCE.items():
        shares = [one.basis.discordance for one in found if one.basis.source == source]
        if shares:
            yield f"students differ in {shares[0]:.0%} of items ({why})"
    if found[0].runs == 1:
        yield "items only; run variance unknown: at least so much"
    for source, why in _RUNS.items():
        mine = [one for one in found if one.basis.deviation_source == source]
        if mine and found[0].runs > 1:
            yield why.format(_deviations(mine))
    if any(one.too_high for one in found):
        yield "all items of a cluster are taken for one, which they may not be: at most so much"


_DISCORDANCE: Final = {
    "assumed": "no two have answered them yet",
    "copies": "as copies of one do",
}
_ITEMS_ALONE: Final = "no more than their items make"
_RUNS: Final = {
    "assumed": "run variance unknown: runs taken to differ by no more than their items make, and "
    "items as is harder to see: at least so much",
    "copies": "runs differ by {} as copies that are taught again do, and by what the agent "
    "draws, which no copy says: at least so much",
}


def _deviations(found: Sequence[Expected]) -> str:
    """How much runs differ, from the least to the most of some contrasts."""
    seen = [one.basis.deviation for one in found if one.basis.deviation is not None]
    if not seen:
        return _ITEMS_ALONE
    points = sorted({f"{100 * deviation:.1f}" for deviation in seen}, key=float)
    return f"{' to '.join(dict.fromkeys((points[0], points[-1])))} points"


def power_records(found: Sequence[Expected]) -> list[dict[str, Any]]:
    """The same for programs."""
    rows = []
    for one in found:
        rows.append(
            {
                "contrast": one.question.title,
                "primary": one.question.primary,
                "items": one.items,
                "clusters": one.clusters,
                "runs": one.runs,
                "alpha": LEVEL / one.family,
                "power": WANTED,
                "discordance": one.basis.discordance,
                "discordance_from": one.basis.source,
                "run_deviation": one.basis.deviation,
                "run_deviation_from": _known(one),
                "least_points": None if one.least is None else round(100 * one.least, 2),
                "too_low": one.too_low,
                "too_high": one.too_high,
            }
        )
    return rows


def _known(one: Expected) -> str | None:
    """What says how much runs differ; nothing does where it is left out."""
    source = one.basis.deviation_source
    return None if source == "assumed" else source
