"""The spec of the rehearsal: the same arms, kinds of stages and edges, everything else small."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.execute.rehearsal.sizes import Amounts, Cut, shrink
from dataenvgym_spec.execute.rehearsal.stand_ins import (
    UP,
    Place,
    StandIns,
    WantedModel,
    replaceable,
    stand_in,
)
from dataenvgym_spec.questions.explain import plain
from dataenvgym_spec.resolve.arms import DEFAULT_ARM, Arm, Resolved
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.merge import difference

SMALL: Final = 60
"""A file with no more rows is drawn whole where the spec says so."""


@dataclass(slots=True, kw_only=True)
class Toy:
    """What a rehearsal runs, and what has to lie in its folder.

    Attributes:
        documents: a spec for each experiment.
        made: the models and tables that have to be made.
        copies: files of the repository, by their paths in the folder; those outside are not copied.
        cuts: which amounts are smaller, each once.
    """

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: StandIns = field(default_factory=StandIns)
    copies: dict[str, str] = field(default_factory=dict)
    cuts: dict[str, None] = field(default_factory=dict)

    def add(self, spec: Resolved) -> None:
        """Adds an experiment."""
        watched = any(arm.experiment.agent.yoke for arm in spec.arms)
        documents = []
        for arm in spec.arms:
            amounts = Amounts(runs=2 if watched else 1, large=_large(arm))
            documents.append(self._arm(arm, amounts))
        first = documents[0]
        name = spec.arms[0].name
        whole = first
        if name != DEFAULT_ARM or len(spec.arms) > 1:
            arms: dict[str, Any] = {name: {}}
            for arm, document in zip(spec.arms[1:], documents[1:], strict=True):
                arms[arm.name] = difference(first, document)
            whole = {**first, "arms": arms}
        self.documents[spec.base.name] = whole

    def _arm(self, arm: Arm, amounts: Amounts) -> dict[str, Any]:
        whole: dict[str, Any] = plain(arm)
        for cut in shrink(whole, amounts):
            self._cut(cut)
        named = {path: _at(whole, path) for path, file in arm.references.items() if file.path}
        for place in replaceable(arm):
            self._replace(arm, place, whole)
        for path, before in named.items():
            # What holds a file may have gone, or have another in its place.
            if _at(whole, path) == before:
                _put(whole, path, self._file(arm.references[path]))
        return whole

    def _cut(self, cut: Cut) -> None:
        self.cuts.setdefault(cut.text())

    def _replace(self, arm: Arm, place: Place, whole: dict[str, Any]) -> None:
        value = _at(whole, place.path)
        if isinstance(value, str):
            value = {"kind": value}
        keyed = (
            isinstance(value, dict) and "kind" not in value and place.path[-1] == place.item.kind
        )
        if not isinstance(value, dict) or not (keyed or value.get("kind") == place.item.kind):
            return  # it went with what held it
        options = stand_in(arm, replace(place, options=value), self.made)
        if keyed:
            del options["kind"]
        # A component without options may be a bare word, and in some places has to be.
        is_word = isinstance(_at(whole, place.path), str) and set(options) == {"kind"}
        _put(whole, place.path, options["kind"] if is_word else options)

    def _file(self, file: File) -> str:
        """Where a file lies in the folder of the rehearsal, as its spec names it."""
        if file.config is not None:
            return UP + self.made.model(WantedModel(name=file.path, directory=file.path))
        if Outside.parse(file.path) is not None:
            return file.path  # it may be large, and is read where it lies
        target = "files/" + file.path.replace(":", "/").removeprefix("./")
        self.copies[target] = file.path
        return f"{UP}{target}"


def _large(arm: Arm) -> frozenset[str]:
    """The sources that are files with many rows."""
    found = []
    for path, file in arm.references.items():
        if path[:2] == ("task", "sources") and file.path and (file.rows or SMALL + 1) > SMALL:
            found.append(str(path[2]))
    return frozenset(found)


def _at(holder: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError):
            return None
    return holder


def _put(holder: Any, path: tuple[str | int, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        holder = holder[step]
    holder[last] = value
