"""Everything that page, metrics and command line say about an experiment, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.accounts import TurnAccount, turn_accounts
from dataenvgym_spec.results.caveats import caveats
from dataenvgym_spec.results.curves import (
    Curve,
    Grid,
    allocation_grids,
    curves,
    mean_curves,
    skill_grids,
    with_costs,
)
from dataenvgym_spec.results.declared import Declarations, declarations
from dataenvgym_spec.results.evidence.choosing import Choosing, choices, chooses
from dataenvgym_spec.results.evidence.contrasts import (
    Comparison,
    Unanswered,
    comparisons,
    unanswered,
)
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.evidence.scores import Gain, Outcome, gains, outcomes, summaries
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.fates import IterationFates, fates
from dataenvgym_spec.results.flips import Flips, flips
from dataenvgym_spec.results.judging import Judging, judging
from dataenvgym_spec.results.ledger import Ledger, read_ledger
from dataenvgym_spec.results.noise import noise_floor
from dataenvgym_spec.results.parity import Parity, change_parities, parities
from dataenvgym_spec.results.probes import Probed, probed, tested
from dataenvgym_spec.results.samples import Sample, samples
from dataenvgym_spec.results.settings import Setting, all_settings, borrowing, key_settings
from dataenvgym_spec.results.skill_gains import TaughtSkill, taught_skills
from dataenvgym_spec.results.skills import (
    ArmQuality,
    SkillAccuracy,
    SliceAccuracy,
    group_accuracies,
    qualities,
    skill_accuracies,
    slice_accuracies,
)
from dataenvgym_spec.results.stamps import Stamp, stamps
from dataenvgym_spec.results.teachings import (
    Allocations,
    GrownTree,
    Reason,
    allocations,
    grown_trees,
    reasons,
)
from dataenvgym_spec.results.together import TogetherAccuracy, together_accuracies
from dataenvgym_spec.results.trainings import Training, trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The figures and tables of one experiment as records.

    Attributes:
        caveats: what its report must say, such as that one split has two roles.
        unanswered: contrasts that no item is about.
        declared: since when each contrast is declared, and which ones were.
        parities: how the students of each contrast were asked.
        change_parities: how the best student and the base of each arm were asked.
        choices: by how much the best students look better than they are where they were chosen.
        floor: what copies of one student came to; None where the spec asks for none.
        borrowing: arms without an agent, each with the arm that its data come from.
        inputs: the files that the spec reads, with their digests.
    """

    name: str
    description: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    caveats: tuple[str, ...]
    selected: bool
    outcomes: tuple[Outcome, ...]
    summaries: tuple[Outcome, ...]
    contrasts: tuple[Comparison, ...]
    unanswered: tuple[Unanswered, ...]
    declared: Declarations
    parities: Mapping[Question, Parity]
    change_parities: Mapping[str, Parity]
    choices: tuple[Choosing, ...]
    floor: Floor | None
    gains: tuple[Gain, ...]
    flips: tuple[Flips, ...]
    probed: tuple[Probed, ...]
    tested: tuple[Outcome, ...]
    curves: tuple[Curve, ...]
    mean_curves: tuple[Curve, ...]
    skills: tuple[Grid, ...]
    taught_skills: tuple[TaughtSkill, ...]
    qualities: tuple[ArmQuality, ...]
    skill_accuracies: tuple[SkillAccuracy, ...]
    group_accuracies: tuple[SkillAccuracy, ...]
    slice_accuracies: tuple[SliceAccuracy, ...]
    together_accuracies: tuple[TogetherAccuracy, ...]
    allocation: tuple[Grid, ...]
    amounts: tuple[Allocations, ...]
    reasons: tuple[Reason, ...]
    trees: tuple[GrownTree, ...]
    yields: tuple[IterationFates, ...]
    ledger: Ledger
    accounts: tuple[TurnAccount, ...]
    trainings: tuple[Training, ...]
    judging: Judging
    stamps: tuple[Stamp, ...]
    samples: tuple[Sample, ...]
    borrowing: tuple[tuple[str, str], ...]
    key_settings: tuple[Setting, ...]
    all_settings: tuple[Setting, ...]
    inputs: tuple[tuple[str, str], ...]


def study(results: Results) -> Study:
    """Computes everything the report is made of."""
    index = results.index
    students = outcomes(results)
    ledger = read_ledger(results)
    lines = with_costs(results.runs, curves(results), ledger)
    return Study(
        name=index.name,
        description=index.description,
        arms=index.arms,
        seeds=index.seeds,
        caveats=caveats(results),
        selected=any(chooses(results, arm) for arm in index.arms),
        outcomes=students,
        summaries=summaries(results, students),
        contrasts=comparisons(results),
        unanswered=unanswered(results),
        declared=declarations(results),
        parities=parities(results),
        change_parities=change_parities(results),
        choices=choices(results),
        floor=noise_floor(results),
        gains=gains(results),
        flips=flips(results),
        probed=probed(results),
        tested=tested(results),
        curves=lines,
        mean_curves=mean_curves(lines),
        skills=skill_grids(results),
        taught_skills=taught_skills(results),
        qualities=qualities(results),
        skill_accuracies=skill_accuracies(results),
        group_accuracies=group_accuracies(results),
        slice_accuracies=slice_accuracies(results),
        together_accuracies=together_accuracies(results),
        allocation=allocation_grids(results),
        amounts=allocations(results),
        reasons=reasons(results),
        trees=grown_trees(results),
        yields=fates(results),
        ledger=ledger,
        accounts=turn_accounts(ledger),
        trainings=trainings(results),
        judging=judging(results),
        stamps=stamps(results),
        samples=samples(results),
        borrowing=borrowing(results),
        key_settings=key_settings(results),
        all_settings=all_settings(results),
        inputs=tuple(sorted(index.inputs.items())),
    )
