"""All generated examples on one page that works offline: to be searched, filtered and opened.

The page holds its data as text that no browser executes, and one script, which its own policy
allows by its hash and which makes nothing of foreign text but text. `page` is what can be read
without it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from dataenvgym_spec.core.hashing import sha256_text
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.responses import LoggedResponse
from dataenvgym_spec.report.text import clean, count, shorten
from dataenvgym_spec.results.drill import Judged, judged
from dataenvgym_spec.results.experiment import Results

LONGEST: Final = 4000
"""Characters of a text that the page shows; `dataenvgym trace` shows all."""
MOST_EXCHANGES: Final = 20_000_000
"""Characters of questions to teachers and replies, in all; later examples go without theirs."""
MOST_IMAGES: Final = 20_000_000
"""Characters of images, likewise."""
LARGEST_IMAGE: Final = 300_000
PER_EXAMPLE: Final = 4
"""Images of one example."""

Packed = dict[str, Any]


def browse(results: Results) -> str:
    """The HTML of the page; equal results give equal bytes."""
    pack = _Pack()
    for one in judged(results):
        pack.add(one)
    data = pack.data()
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Nothing in it may end the element that it stands in, nor begin a comment.
    text = text.replace("<", "\\u003c")
    script = _read("browse.js")
    allowed = base64.b64encode(bytes.fromhex(sha256_text(script))).decode()
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "clean": clean}
    html = environment.get_template("browse.html.j2").render(
        name=results.name,
        total=len(data["examples"]),
        left_out=pack.left_out,
        style=Markup(_read("page.css") + _read("browse.css")),
        script=Markup(script),
        allowed=allowed,
        data=Markup(text),
    )
    return f"{html}\n"


def _read(name: str) -> str:
    return (files("dataenvgym_spec.report") / name).read_text(encoding="utf-8")


class _Pack:
    """Gathers examples; what several of them have in common is kept once."""

    def __init__(self) -> None:
        self.examples: list[Packed] = []
        self.groups: list[Packed] = []
        self.exchanges: list[Packed] = []
        self.errors: list[Packed] = []
        self.images: list[str] = []
        self._places: dict[tuple[object, ...], int] = {}
        self._spent = {"exchanges": 0, "images": 0}
        self._more: set[str] = set()

    @property
    def left_out(self) -> str:
        """What there was no room for, in words; empty if there was."""
        if not self._more:
            return ""
        limit = size_text(MOST_EXCHANGES)
        return f"Beyond {limit}, {' and '.join(sorted(self._more))} are left out of this page"

    def data(self) -> Packed:
        """All that the script reads."""
        return {
            "examples": self.examples,
            "groups": self.groups,
            "exchanges": self.exchanges,
            "errors": self.errors,
            "images": self.images,
        }

    def add(self, one: Judged) -> None:
        """Takes all that one check judged."""
        number = len(self.groups)
        self.groups.append(_group(one))
        for example, fate in one.fates():
            self.examples.append(self._example(one, number, example, fate))

    def _example(self, one: Judged, group: int, example: Example, fate: str) -> Packed:
        made = example.provenance
        request = one.requests.get(example.asked_by)
        reason = example.reason if isinstance(example, Rejected) else ""
        notes = {**(example.notes or {}), **one.noted.get(example.id, {})}
        packed: Packed = {
            "id": clean(example.id),
            "group": group,
            "fate": clean(fate),
            "skill": clean(example.skill),
            "input": _text(example.input),
            "target": _text(example.target),
        }
        asked = [row for ask in (made.asks if made else ()) for row in one.asked.get(ask, ())]
        verified = one.verified.get(example.id, ())
        shown = [one.errors[id] for id in (made.shown if made else ()) if id in one.errors]
        why = one.plan.reasons.get(example.skill, "") if one.plan else ""
        more: Packed = {
            "subskill": clean(example.subskill or ""),
            "reason": _text(reason),
            "teacher": _writer(example),
            "why": _text(why),
            "brief": _text(request.brief or "") if request else "",
            "asked": request.count if request else 0,
            "notes": {clean(name): _text(note) for name, note in notes.items()},
            "errors": [self._error(group, error) for error in shown],
            "exchanges": self._exchanges(group, asked),
            "verified": self._exchanges(group, verified),
            "images": self._pictures(one, example),
        }
        # What an example has none of is not written: there may be ten thousand.
        return packed | {name: value for name, value in more.items() if value}

    def _error(self, group: int, error: Any) -> int:
        key = ("error", group, error.id)
        if key not in self._places:
            self._places[key] = len(self.errors)
            texts = {"input": _text(error.input), "target": _text(error.target)}
            said = {"id": clean(error.id), "prediction": _text(error.prediction)}
            self.errors.append({**said, **texts})
        return self._places[key]

    def _exchanges(self, group: int, rows: Iterable[LoggedResponse]) -> list[int]:
        numbers = []
        for row in rows:
            key = ("exchange", group, row.key, row.ask)
            if key not in self._places:
                packed = _exchange(row)
                if not self._has_room("exchanges", packed, MOST_EXCHANGES):
                    self._more.add("questions to teachers")
                    continue
                self._places[key] = len(self.exchanges)
                self.exchanges.append(packed)
            numbers.append(self._places[key])
        return numbers

    def _has_room(self, what: str, packed: object, most: int) -> bool:
        size = len(json.dumps(packed, ensure_ascii=False))
        if self._spent[what] + size > most:
            return False
        self._spent[what] += size
        return True

    def _pictures(self, one: Judged, example: Example) -> list[int]:
        numbers = []
        stage = one.generate or one.check
        port = "candidates" if one.generate else "accepted"
        for picture in example.pictures[:PER_EXAMPLE]:
            key = ("image", picture.digest)
            path = stage.port(port) / picture.file
            if key not in self._places:
                if not path.is_file() or path.stat().st_size > LARGEST_IMAGE:
                    continue
                coded = base64.b64encode(path.read_bytes()).decode()
                uri = f"data:{picture.media};base64,{coded}"
                if not self._has_room("images", uri, MOST_IMAGES):
                    self._more.add("images")
                    continue
                self._places[key] = len(self.images)
                self.images.append(uri)
            numbers.append(self._places[key])
        return numbers


def _group(one: Judged) -> Packed:
    """What the examples of a check have in common."""
    uses = one.check.uses
    generate = one.generate
    uses_of_trained = (use for stage in one.trained for use in stage.uses)
    # Copies for the noise floor are no students of the loop.
    taught = [clean(use.label) for use in uses_of_trained if use.copy is None]
    return {
        "label": clean(uses[0].label),
        "arms": list(dict.fromkeys(clean(use.arm) for use in uses)),
        "seeds": sorted({use.seed for use in uses}),
        "iteration": uses[0].iteration,
        "check": one.check.path.name,
        "generate": generate.path.name if generate is not None else "",
        "taught": list(dict.fromkeys(taught)),
    }


def _exchange(row: LoggedResponse) -> Packed:
    messages = [_message(message) for message in row.messages]
    reply = _text(str(row.reply.get("text", "")))
    head = {"teacher": clean(row.teacher), "ask": clean(row.ask)}
    return {**head, "messages": messages, "reply": reply, "fault": clean(row.fault or "")}


def _message(message: Mapping[str, Any]) -> list[str]:
    return [clean(str(message["role"])), _text(str(message["content"]))]


def _writer(example: Example) -> str:
    made = example.provenance
    if made is None or not made.teacher:
        return ""
    model = f" ({clean(made.model)})" if made.model else ""
    return clean(made.teacher) + model


def _text(text: str) -> str:
    return shorten(clean(text), LONGEST)
