"""The figures of a declared contrast as cells, for the tables of a terminal and of a paper."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.report import noise
from dataenvgym_spec.report.text import p_cell, point_interval, points
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.noise import beside

HEAD: Final = ("#points", "#95% interval", noise.HEADING, "#p", "#p (Holm)")


def cells(contrast: Comparison, floor: Floor | None) -> tuple[str, ...]:
    """What a contrast comes to, beside its noise floor; a cell for each word of `HEAD`."""
    found, weighed = contrast.difference, contrast.weighed
    width = noise.cell(beside(floor, contrast.question, weighed))
    ends = (points(found.value), point_interval(found))
    return (*ends, width, p_cell(weighed.p), p_cell(contrast.adjusted))
