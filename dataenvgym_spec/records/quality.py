"""How good a skill discovery is, in numbers; `log/quality.json` of the stages that name skills."""

from __future__ import annotations

from dataenvgym_spec.records.record import Record


class SkillQuality(Record, frozen=True, kw_only=True):
    """The quality of the skills that some items have.

    Attributes:
        items: how many items it is measured on.
        skills: how many skills there are, a fallback that is listed among them.
        left_out: items with a fallback that is not listed: they belong to no skill.
        coverage: the share of items with a skill other than the fallback.
        balance: the entropy of the covered items over the skills, as a share of the largest
            possible one; None of a single skill.
        agreement: the adjusted mutual information with the groups of the source, 1 for the same
            partition and 0 for one by chance; None where they are not known or are one group.
        within: the mean cosine of two covered items of one skill, in their words (tf-idf); None
            where no skill has two items.
        between: the same of two items of different skills.
    """

    items: int
    skills: int
    left_out: int
    coverage: float
    balance: float | None = None
    agreement: float | None = None
    within: float | None = None
    between: float | None = None

    @property
    def coherence(self) -> float | None:
        """How much more alike two items of one skill are than two of different ones."""
        if self.within is None or self.between is None:
            return None
        return self.within - self.between

    def measures(self) -> dict[str, float]:
        """What there is to compare discoveries by, by name."""
        named = {
            "coverage": self.coverage,
            "balance": self.balance,
            "agreement": self.agreement,
            "coherence": self.coherence,
        }
        return {name: value for name, value in named.items() if value is not None}
