"""Generated examples in parts that a page can hold: each with all that its examples refer to.

What several examples of a part have in common, such as the prompt that they were made by, is in it
once. What is chosen by, without having read any part, is in the `head`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.plans import ShownError
from dataenvgym_spec.records.responses import LoggedResponse
from dataenvgym_spec.report.text import shorten
from dataenvgym_spec.results.drill import ALL, Judged
from dataenvgym_spec.results.taught.learners import Learner

LONGEST: Final = 4000
"""Characters of a text that the page shows; `dataenvgym trace` shows all."""
PART: Final = 2_000_000
"""Characters of a part: it ends with the example that reaches them."""
MOST: Final = 500_000_000
"""Characters of questions to teachers, replies and images; later examples go without theirs."""
LARGEST_IMAGE: Final = 300_000
MOST_EXAMPLES: Final = 100_000
"""Of more, some are taken evenly: a browser holds a row of each."""
PER_EXAMPLE: Final = 4
"""Images of one example."""

Packed = dict[str, Any]


def share_of(amount: int) -> Fraction:
    """How many of so many examples a page has."""
    return min(ALL, Fraction(MOST_EXAMPLES, max(amount, 1)))


class Packing:
    """Gathers the examples of an experiment into parts."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, str]] = []
        self._groups: list[Packed] = []
        self._sizes: list[int] = []
        self._skills: dict[str, int] = {}
        self._fates: dict[str, int] = {}
        self._spent = 0
        self._more: set[str] = set()

    @property
    def left_out(self) -> str:
        """What there was no room for, in words; empty if there was."""
        if not self._more:
            return ""
        return f"Beyond {size_text(MOST)}, {' and '.join(sorted(self._more))} are left out"

    @property
    def head(self) -> Packed:
        """What is known of every example before any part is read: what it is chosen by.

        Of each the number of its group, of its skill and of its fate, and its id; `sizes` says how
        many examples each part has. A group lists the students that its examples taught, and an
        example has the number of its list.
        """
        return {
            "examples": self._rows,
            "groups": self._groups,
            "skills": list(self._skills),
            "fates": list(self._fates),
            "sizes": self._sizes,
        }

    def parts(self, judged: Iterable[Judged], share: Fraction = ALL) -> Iterator[Packed]:
        """The parts, each as soon as it is full; after the last one the `head` is complete.

        Args:
            judged: the examples.
            share: how many of them are packed.
        """
        part = _Part()
        for one in judged:
            self._groups.append(_group(one))
            # What is not written is the first: nobody.
            taught: dict[tuple[str, ...], int] = {(): 0}
            for fate in one.fates(share):
                self._rows.append(self._row(fate.example, fate.fate))
                packed = self._example(part, one, fate.example)
                place = taught.setdefault(_taught(fate.learners), len(taught))
                part.add({**packed, "taught": place} if place else packed)
                if part.size >= PART:
                    yield self._closed(part)
                    part = _Part()
            self._groups[-1]["taught"] = list(taught)
        if part.examples:
            yield self._closed(part)

    def _closed(self, part: _Part) -> Packed:
        self._sizes.append(len(part.examples))
        return part.data()

    def _row(self, example: Example, fate: str) -> tuple[int, int, int, str]:
        skill = self._skills.setdefault(clean(example.skill), len(self._skills))
        became = self._fates.setdefault(clean(fate), len(self._fates))
        return len(self._groups) - 1, skill, became, clean(example.id)

    def _example(self, part: _Part, one: Judged, example: Example) -> Packed:
        made = example.provenance
        request = one.requests.get(example.asked_by)
        reason = example.reason if isinstance(example, Rejected) else ""
        notes = {**(example.notes or {}), **one.noted.get(example.id, {})}
        asked = [row for ask in (made.asks if made else ()) for row in one.asked.get(ask, ())]
        verified = one.verified.get(example.id, ())
        shown = [one.errors[id] for id in (made.shown if made else ()) if id in one.errors]
        why = one.plan.reasons.get(example.skill, "") if one.plan else ""
        packed: Packed = {
            "input": _text(example.input),
            "target": _text(example.target),
            "subskill": clean(example.subskill or ""),
            "reason": _text(reason),
            "teacher": _writer(example),
            "why": _text(why),
            "brief": _text(request.brief or "") if request else "",
            "asked": request.count if request else 0,
            "notes": {clean(name): _text(note) for name, note in notes.items()},
            "errors": self._errors(part, shown),
            "exchanges": self._exchanges(part, asked),
            "verified": self._exchanges(part, verified),
            "images": self._images(part, one, example),
        }
        # What an example has none of is not written: there may be ten thousand.
        return {name: value for name, value in packed.items() if value}

    def _errors(self, part: _Part, errors: Iterable[ShownError]) -> list[int]:
        # Ids are unique within one check only.
        group = len(self._groups)
        return [part.errors.put((group, error.id), _error(error)) for error in errors]

    def _exchanges(self, part: _Part, rows: Iterable[LoggedResponse]) -> list[int]:
        numbers = []
        for row in rows:
            key = (len(self._groups), row.key, row.ask)
            if key not in part.exchanges:
                packed = _exchange(row)
                if not self._has_room(packed, "questions to teachers"):
                    continue
                part.exchanges.put(key, packed)
            numbers.append(part.exchanges.place(key))
        return numbers

    def _images(self, part: _Part, one: Judged, example: Example) -> list[int]:
        stage = one.generate or one.check
        folder = stage.port("candidates" if one.generate else "accepted")
        numbers = []
        for picture in example.pictures[:PER_EXAMPLE]:
            if picture.digest not in part.images:
                uri = _image(folder, picture)
                if uri is None or not self._has_room(uri, "images"):
                    continue
                part.images.put(picture.digest, uri)
            numbers.append(part.images.place(picture.digest))
        return numbers

    def _has_room(self, packed: object, what: str) -> bool:
        size = _size(packed)
        if self._spent + size > MOST:
            self._more.add(what)
            return False
        self._spent += size
        return True


@dataclass(slots=True)
class _Shared:
    """What examples refer to by number, once each."""

    values: list[object] = field(default_factory=list)
    size: int = 0
    _places: dict[object, int] = field(default_factory=dict)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def place(self, key: object) -> int:
        return self._places[key]

    def put(self, key: object, value: object) -> int:
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
            self.size += _size(value)
        return self._places[key]


@dataclass(slots=True)
class _Part:
    """Some examples in a row, and what they refer to."""

    examples: list[Packed] = field(default_factory=list)
    errors: _Shared = field(default_factory=_Shared)
    exchanges: _Shared = field(default_factory=_Shared)
    images: _Shared = field(default_factory=_Shared)
    _size: int = 0

    @property
    def size(self) -> int:
        """Characters, roughly."""
        return self._size + self.errors.size + self.exchanges.size + self.images.size

    def add(self, example: Packed) -> None:
        self.examples.append(example)
        self._size += _size(example)

    def data(self) -> Packed:
        return {
            "examples": self.examples,
            "errors": self.errors.values,
            "exchanges": self.exchanges.values,
            "images": self.images.values,
        }


def _size(packed: object) -> int:
    return len(json.dumps(packed, ensure_ascii=False))


def _group(one: Judged) -> Packed:
    """What the examples of a check have in common."""
    uses = one.check.uses
    generate = one.generate
    return {
        "label": clean(uses[0].label),
        "arms": list(dict.fromkeys(clean(use.arm) for use in uses)),
        "seeds": sorted({use.seed for use in uses}),
        "iteration": uses[0].iteration,
        "check": one.check.path.name,
        "generate": generate.path.name if generate is not None else "",
        "given": one.learners.given(one.check),
    }


def _taught(learners: Iterable[Learner]) -> tuple[str, ...]:
    """The students that learned an example. Copies for the noise floor are none of the loop."""
    labels = dict[str, None]()
    for learner in learners:
        doubt = f" ({learner.doubt})" if learner.doubt else ""
        uses = (use for use in learner.stage.uses if use.copy is None)
        labels |= {f"{clean(use.label)}{doubt}": None for use in uses}
    return tuple(labels)


def _exchange(row: LoggedResponse) -> Packed:
    messages = [_message(message) for message in row.messages]
    reply = _text(str(row.reply.get("text", "")))
    head = {"teacher": clean(row.teacher), "ask": clean(row.ask)}
    return {**head, "messages": messages, "reply": reply, "fault": clean(row.fault or "")}


def _message(message: Mapping[str, Any]) -> list[str]:
    return [clean(str(message["role"])), _text(str(message["content"]))]


def _error(error: ShownError) -> Packed:
    texts = {"input": _text(error.input), "target": _text(error.target)}
    return {"id": clean(error.id), "prediction": _text(error.prediction), **texts}


def _image(folder: Path, picture: Picture) -> str | None:
    """An image as an address that holds it; None if it is not there or too large."""
    path = folder / picture.file
    if not path.is_file() or path.stat().st_size > LARGEST_IMAGE:
        return None
    coded = base64.b64encode(path.read_bytes()).decode()
    return f"data:{picture.media};base64,{coded}"


def _writer(example: Example) -> str:
    made = example.provenance
    if made is None or not made.teacher:
        return ""
    model = f" ({clean(made.model)})" if made.model else ""
    return clean(made.teacher) + model


def _text(text: str) -> str:
    return shorten(clean(text), LONGEST)
