"""A stage kind is one row, one record of parameters and one executor; what the row says holds together."""

import pytest

from dataenvgym_spec.execute.pass_through import EMPTY
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.logs import Log
from tests.support.graphs import parameters


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_whole(kind: str) -> None:
    row, params = KINDS[kind], parameters(kind, {})
    ports = row.ports(params)
    assert callable(executor(kind))
    assert set(row.repeats) <= set(ports) and set(row.repeats.values()) <= set(row.slots)
    assert row.amount is None or row.amount in Log.__struct_fields__
    assert set(row.params.slots) <= set(row.params.__struct_fields__)


@pytest.mark.parametrize("kind", [kind for kind, row in KINDS.items() if row.gated])
def test_every_port_of_a_gated_kind_repeats_something_or_is_empty(kind: str) -> None:
    row = KINDS[kind]
    rest = set(row.ports(parameters(kind, {}))) - set(row.repeats)
    assert not rest or kind in EMPTY
