"""How many items of a data file lie in the lanes of splits, before anything is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.records.items import WORDS, Form, form_name, place_of
from dataenvgym_spec.records.layouts import BEFORE
from dataenvgym_spec.records.reading import Reading
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.rows import Columns
from dataenvgym_spec.records.tables import RowFault
from dataenvgym_spec.resolve.columns import PLAIN, ColumnTable, look

FORM: Final = 2
"""Raised when what is remembered of a file would be counted in another way."""

Fields = Mapping[str, str]
Lanes = Mapping[str, tuple[float, float]]
Clusters = Counter[tuple[str, str]]
"""How many items there are of each group and cluster."""


class Within(Record, frozen=True, kw_only=True):
    """What lies in lanes.

    Attributes:
        clusters: how many there are in the file.
        counts: how many items, by the lane's role and by group; groups without any have 0.
    """

    clusters: int
    counts: dict[str, dict[str, int]]


class Holding:
    """The items of a data file. It is read when somebody asks, and of a large one only once."""

    def __init__(self, path: Path, remembered: Remembered, reading: Reading = PLAIN) -> None:
        self._path, self._remembered, self._reading = path, remembered, reading
        self._others: dict[Reading, Holding] = {}
        self._tables: dict[tuple[str, ...], ColumnTable | RowFault | None] = {}
        self._clusters: dict[str, Clusters] = {}
        self._known: dict[str, Within | None] = {}

    def read_as(self, reading: Reading) -> Holding:
        """The same file, read in another way."""
        if reading == self._reading:
            return self
        if reading not in self._others:
            self._others[reading] = Holding(self._path, self._remembered, reading)
        return self._others[reading]

    def table(self, named: tuple[str, ...] = ()) -> ColumnTable | RowFault | None:
        """What the file holds, or why that cannot be said; None if it is too large.

        Args:
            named: columns inside of lists that somebody names.
        """
        if named not in self._tables:
            try:
                self._tables[named] = look(self._path, self._remembered, self._reading, named)
            except RowFault as fault:
                self._tables[named] = fault
        return self._tables[named]

    def within(self, fields: Fields, lanes: Lanes, seed: int, form: Form = WORDS) -> Within | None:
        """How many items lie in lanes, less those that are twice in the file.

        Args:
            fields: the columns, by what they hold.
            lanes: by role.
            seed: of the splits.
            form: what of a question does not count.

        Returns:
            None if the file cannot be read, which is told elsewhere.
        """
        told = [FORM, dict(fields), lanes, seed]
        if self._reading != PLAIN:
            told.append(asdict(self._reading))
        asked = digest("within", told if form_name(form) == "words" else [*told, form])
        if asked not in self._known:
            columns = self._columns(fields, form)
            self._known[asked] = self._asked(asked, columns, lanes, seed)
        return self._known[asked]

    def _columns(self, fields: Fields, form: Form) -> Columns:
        optional = frozenset({BEFORE} if self._reading.layout is not None else ())
        return Columns(fields=fields, form=form, optional=optional)

    def _asked(self, asked: str, columns: Columns, lanes: Lanes, seed: int) -> Within | None:
        def counted(_: Path) -> str:
            return msgspec.json.encode(self._counted(columns, lanes, seed)).decode()

        try:
            text = self._remembered.of(self._path, asked, counted)
            return msgspec.json.decode(text, type=Within)
        except (RowFault, OSError, msgspec.DecodeError):
            return None

    def _counted(self, columns: Columns, lanes: Lanes, seed: int) -> Within:
        clusters = self._read(columns)
        groups = sorted({group for group, _ in clusters})
        counts = {role: dict.fromkeys(groups, 0) for role in lanes}
        for (group, cluster), number in clusters.items():
            place = place_of(seed, cluster)
            for role, (low, high) in lanes.items():
                if low <= place < high:
                    counts[role][group] += number
        return Within(clusters=len(clusters), counts=counts)

    def _read(self, columns: Columns) -> Clusters:
        asked = digest("read", [dict(columns.fields), columns.form])
        if asked not in self._clusters:
            bad = self._reading.collector()
            items, _ = columns.items(self._reading.rows(self._path, bad), bad)
            self._clusters[asked] = Counter((item.group, item.cluster) for item in items)
        return self._clusters[asked]
