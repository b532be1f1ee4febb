"""Everything that page, metrics and command line say about an experiment, computed once."""

from __future__ import annotations

from dataclasses import dataclass

from dataenvgym_spec.results.curves import (
    Curve,
    Grid,
    Yield,
    allocation_grids,
    curves,
    mean_curves,
    skill_grids,
    yields,
)
from dataenvgym_spec.results.evidence.scores import (
    Contrast,
    Gain,
    Outcome,
    contrasts,
    gains,
    outcomes,
    summaries,
)
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger, Stamp, ledger, stamps
from dataenvgym_spec.results.samples import Sample, samples
from dataenvgym_spec.results.settings import Setting, all_settings, key_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The figures and tables of one experiment as records; `caveats` is what its report must say, such as one split in two roles."""

    name: str
    description: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    caveats: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    summaries: tuple[Outcome, ...]
    contrasts: tuple[Contrast, ...]
    gains: tuple[Gain, ...]
    curves: tuple[Curve, ...]
    mean_curves: tuple[Curve, ...]
    skills: tuple[Grid, ...]
    allocation: tuple[Grid, ...]
    yields: tuple[Yield, ...]
    ledger: Ledger
    stamps: tuple[Stamp, ...]
    samples: tuple[Sample, ...]
    key_settings: tuple[Setting, ...]
    all_settings: tuple[Setting, ...]
    inputs: tuple[tuple[str, str], ...]


def study(results: Results) -> Study:
    """Computes everything the report is made of."""
    found, lines = outcomes(results), curves(results)
    return Study(
        name=results.name,
        description=results.index["description"],
        arms=tuple(results.index["arms"]),
        seeds=tuple(results.index["seeds"]),
        caveats=tuple(results.index.get("stamps", ())),
        outcomes=found,
        summaries=summaries(results, found),
        contrasts=contrasts(results),
        gains=gains(results),
        curves=lines,
        mean_curves=mean_curves(lines),
        skills=skill_grids(results),
        allocation=allocation_grids(results),
        yields=yields(results),
        ledger=ledger(results),
        stamps=stamps(results),
        samples=samples(results),
        key_settings=key_settings(results),
        all_settings=all_settings(results),
        inputs=tuple(sorted(results.index["inputs"].items())),
    )
