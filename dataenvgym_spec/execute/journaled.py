"""What stands between a stage's components and a teacher: the journal, and the shape of answers.

A policy, engine, check or discovery asks as if it were the teacher. Each answer is looked up first,
under the key of all that determines it; only what is not there is asked for, and is on the disk
before anyone uses it. So a stage that is run again after a kill asks for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import LimitReached, StageError
from dataenvgym_spec.core.hashing import canonical, digest, seed_from
from dataenvgym_spec.execute.described import determining, name_of
from dataenvgym_spec.execute.desk import Desk, Lost
from dataenvgym_spec.execute.shapes import MOST_AGAIN, Shape, again, bare
from dataenvgym_spec.execute.shards.part import Shared
from dataenvgym_spec.gym.make import Around, Described
from dataenvgym_spec.gym.outside import AsksOutside
from dataenvgym_spec.gym.painters.protocol import OnService
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher, arrivals, stop
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import OptionPath
from dataenvgym_spec.language.options import at
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import batches


@dataclass(slots=True, kw_only=True)
class Wanted:
    """One answer that is wanted.

    Attributes:
        ask: the question as it is put now, after answers that were of another shape.
        sample: which of its answers.
        keys: of all that was asked for this answer, the latest last.
        fault: what is wrong with the shape of the latest.
    """

    ask: Ask
    sample: int
    keys: list[str]
    fault: str | None = None


class Journaled:
    """A teacher as the components of a stage have it; see `gym.teachers.protocol.Teacher`.

    Args of the constructor:
        construct: makes the component. It is not called if no answer is missing.
        identity: what of the component, and of what it reads, determines its answers.
        desk: of the stage.
        name: of the teacher, for the ledger.
        kind: of the teacher.
    """

    def __init__(
        self, construct: Callable[[], Teacher], *, identity: Any, desk: Desk, name: str, kind: str
    ) -> None:
        desk.seat(name, kind)
        self._construct, self._desk, self._name = construct, desk, name
        self._identity = digest("teacher", identity)
        self._teacher: Teacher | None = None
        self._shapes: dict[str, Shape] = {}
        self._latest: tuple[Any, Shape] | None = None

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """As many replies to each question as it asks for, in their order.

        Raises:
            StageError: the teacher fails or gives what was not asked for; or, where answers are
                only replayed, one is not in the journal.
            LimitReached: what the spec allows is used up.
        """
        _require_names(asks)
        wanted = []
        for ask in asks:
            for sample in range(ask.samples):
                wanted.append(Wanted(ask=ask, sample=sample, keys=[self._key(ask, sample)]))
        self._find(wanted)
        names = (ask.id for ask in asks for _ in range(ask.samples))
        yield from map(self._given, wanted, names, self._responses(wanted))

    def _find(self, wanted: Sequence[Wanted]) -> None:
        """Has all answers in the journal, and those of another shape asked for again."""
        left = list(wanted)
        for turn in range(MOST_AGAIN + 1):
            try:
                left = self._misshapen(left)
            except Lost:
                # The journal was set aside meanwhile: what could not be saved is asked once more.
                left = self._misshapen(left)
            if not left or turn == MOST_AGAIN:
                return
            for one, responses in zip(left, self._responses(left, latest=True), strict=True):
                assert one.fault is not None
                one.ask = again(one.ask, _reply(responses[-1]).text, one.fault)
                one.keys.append(self._key(one.ask, one.sample))

    def _key(self, ask: Ask, sample: int) -> str:
        """The digest of all that determines an answer."""
        messages = [message.plain() for message in ask.messages]
        asked = [messages, ask.shape, ask.seed, sample]
        return digest("response", [self._identity, self._desk.seed, *asked])

    # --- asking -----------------------------------------------------------------------------------

    def _ask_for(self, wanted: Sequence[Wanted]) -> None:
        """Asks for what is not in the journal, each once.

        What is there is accounted for before anything is asked for.

        Raises:
            Shared: this is one of several processes, and its part is asked for.
        """
        part = self._desk.part
        if part is not None:
            self._desk.part = None
            mine = set(part.of(list(dict.fromkeys(one.ask.id for one in wanted))))
            own = [one for one in wanted if one.ask.id in mine]
            self._ask_for(own)
            raise Shared([one.keys[-1] for one in own])
        keys = [one.keys[-1] for one in wanted]
        self._desk.want(self._name, keys)
        there = self._desk.journal.known(keys)
        had: list[Wanted] = []
        missing: dict[str, Wanted] = {}
        twice: list[Wanted] = []
        for one in wanted:
            if one.keys[-1] in there:
                had.append(one)
            elif missing.setdefault(one.keys[-1], one) is not one:
                twice.append(one)
        self._look_up(had)
        if missing:
            first = next(iter(missing.values()))
            self._desk.require_allowed(self._name, first.ask, len(missing))
            self._receive(list(missing.values()))
            self._look_up(twice)

    def _look_up(self, wanted: Sequence[Wanted]) -> None:
        """Looks at answers that are in the journal."""
        for one, responses in zip(wanted, self._responses(wanted, latest=True), strict=True):
            self._look_at(one, responses[-1])

    def _receive(self, wanted: Sequence[Wanted]) -> None:
        """Asks the teacher, keeps each answer as it comes, and looks at it.

        Raises:
            StageError: it fails, or gives what was not asked for.
            LimitReached: what may be spent is; all that was under way is kept.
        """
        slots = _slots(wanted)
        reached = self._desk.over()
        if reached is None:
            run = self._desk.seed
            asks = [_posed(name, ones, run) for name, ones in slots.items()]
            reached = self._received(asks, slots)
        for name, left in slots.items():
            missing = sum(one is not None for one in left)
            if missing:
                raise reached or self._too_few(name, missing)

    def _received(
        self, asks: Sequence[Ask], slots: Mapping[str, list[Wanted | None]]
    ) -> LimitReached | None:
        """Takes what the teacher answers; gives why it was stopped, if it was."""
        if self._teacher is None:
            self._teacher = self._construct()
            self._desk.asks(self._teacher)
        reached: LimitReached | None = None
        with (
            self._desk.receiving(self._name) as receive,
            closing(arrivals(self._teacher, asks)) as arriving,
        ):
            for replies in arriving:
                ones = [_taken(slots, reply, self._name) for reply in replies]
                keyed = [(one.keys[-1], reply) for one, reply in zip(ones, replies, strict=True)]
                for one, response in zip(ones, receive(keyed), strict=True):
                    self._look_at(one, response)
                if reached is None:
                    reached = self._desk.over()
                    # What is under way is paid for: it still comes, where a teacher can do that.
                    if reached is not None and not stop(self._teacher):
                        break
        return (self._desk.over() or reached) if reached is not None else None

    def _look_at(self, one: Wanted, response: Response) -> None:
        """Holds an answer against the shape that was asked for, and accounts for it."""
        reply = _reply(response)
        one.fault = self._fault(one.ask, reply)
        self._desk.note(self._name, one.ask, reply, response, sample=one.sample, fault=one.fault)

    def _too_few(self, name: str, missing: int) -> StageError:
        message = f"the teacher '{self._name}' left {missing} answers to '{name}' out"
        help = "a teacher gives as many replies as 'samples' says, also of a refusal or a failure"
        return StageError(message, help=f"{help}; the others are kept")

    def _misshapen(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Asks for what is missing; gives those whose answer is whole and of another shape."""
        self._ask_for(wanted)
        return [one for one in wanted if one.fault is not None]

    def _fault(self, ask: Ask, reply: Reply) -> str | None:
        """What is wrong with the shape of an answer that is whole."""
        if ask.shape is None or reply.finish not in ("stop", "invalid"):
            return None
        return self._shape(ask.shape).fault(reply.text)

    def _shape(self, schema: dict[str, Any]) -> Shape:
        # Most often all questions of a call have the same one.
        if self._latest is None or self._latest[0] is not schema:
            text = canonical(schema)
            if text not in self._shapes:
                self._shapes[text] = Shape(schema)
            self._latest = schema, self._shapes[text]
        return self._latest[1]

    def _responses(
        self, wanted: Sequence[Wanted], *, latest: bool = False
    ) -> Iterator[tuple[Response, ...]]:
        """What the journal has for each; memory does not grow with the amount."""
        for some in batches(wanted):
            keys = [one.keys[-1:] if latest else one.keys for one in some]
            responses = self._desk.find([key for own in keys for key in own])
            for own in keys:
                yield tuple(responses[key] for key in own)

    def _given(self, one: Wanted, name: str, responses: tuple[Response, ...]) -> Reply:
        """An answer as it is given: the latest, with what all of its tries took."""
        replies = tuple(map(_reply, responses))
        last = replies[-1]
        tokens: Counter[str] = Counter()
        for reply in replies:
            tokens.update(reply.tokens)
        return msgspec.structs.replace(
            last,
            ask=name,
            sample=one.sample,
            text=bare(last.text) if one.ask.shape is not None else last.text,
            tokens=last.tokens if len(replies) == 1 else dict(tokens),
            finish="invalid" if one.fault is not None else last.finish,
            tries=sum(reply.tries for reply in replies),
        )


def _require_names(asks: Sequence[Ask]) -> None:
    counts = Counter(ask.id for ask in asks)
    for name, count in counts.items():
        if count > 1:
            message = f"{count} questions to a teacher have the name '{name}'"
            raise StageError(message, help="give each 'Ask' of a call an id of its own")


def _slots(wanted: Sequence[Wanted]) -> dict[str, list[Wanted | None]]:
    """What is wanted by the name of the question that is put for it, in the order of its samples.

    A question that is asked again for several of its answers is put once for each: what was said
    before differs.
    """
    slots: dict[str, list[Wanted | None]] = {}
    for one in wanted:
        name = one.ask.id
        turn = len(one.keys) - 1
        if turn:
            name = f"{name} (answer {one.sample}, again {turn})"
        slots.setdefault(name, []).append(one)
    return slots


def _posed(name: str, wanted: Sequence[Wanted | None], run: int | None) -> Ask:
    """The question that the teacher is asked in a run."""
    first = wanted[0]
    assert first is not None
    seed = first.ask.seed
    if seed is not None and first.sample and first.ask.samples > 1:
        # Its first answers are there already, and the same seed would give the same again.
        seed = seed_from(seed, first.sample)
    return msgspec.structs.replace(first.ask, id=name, samples=len(wanted), seed=seed, run=run)


def _taken(slots: Mapping[str, list[Wanted | None]], reply: Reply, teacher: str) -> Wanted:
    """What a reply is for, which is then no longer open.

    Raises:
        StageError: nothing, or it came twice.
    """
    ones = slots.get(reply.ask, [])
    one = ones[reply.sample] if 0 <= reply.sample < len(ones) else None
    if one is None:
        which = f"answer {reply.sample} to '{reply.ask}'"
        message = f"the teacher '{teacher}' gave {which}, which is not open"
        help = "a reply carries the 'id' of its 'Ask' and counts its samples from 0"
        raise StageError(message, help=help)
    ones[reply.sample] = None
    return one


def _reply(response: Response) -> Reply:
    return Reply.parse({"ask": "", **response.reply})


def around(desk: Desk, reads: Callable[[str], Any]) -> Around:
    """Puts the journal of a stage in front of each language model that its components refer to.

    Args:
        desk: of the stage.
        reads: gives what identifies what a component reads, such as a student, by its word for it.
    """

    def place(described: Described, construct: Callable[[], Any]) -> Any:
        declared = definition(described.slot, described.kind)
        if _has_line(described):
            return _lined(desk, described, construct())
        if described.slot != "teacher" or declared.procedural:
            return construct()
        identity = [determining(described), [reads(word) for word in _read_by(described)]]
        name = name_of(described)
        if declared.kept is not None:
            construct = _with_kept_server(described, construct)
        return Journaled(construct, identity=identity, desk=desk, name=name, kind=described.kind)

    return place


def _with_kept_server(described: Described, construct: Callable[[], Any]) -> Callable[[], Any]:
    """Constructs a teacher whose server is kept for the run, where one can be."""

    def constructed() -> Any:
        from dataenvgym_spec.execute.warm.servers import starts

        teacher = construct()
        teacher.starts = starts(described)
        return teacher

    return constructed


def _has_line(described: Described) -> bool:
    """Whether it asks a program outside, or is no teacher and asks a service, by a line."""
    declared = definition(described.slot, described.kind)
    asks_service = described.slot != "teacher" and bool(declared.marked("x-services"))
    return asks_service or bool(declared.marked("x-command"))


def _lined(desk: Desk, described: Described, component: AsksOutside | OnService) -> Any:
    """A component whose line has the journal in front of it; a painter is handed its shelf."""
    line = component.line
    naming = [str(at(described.options, path)) for path in _naming(described)]
    name = ".".join(naming) or name_of(described)
    identity = [described.slot, determining(described)]
    component.line = Journaled(
        lambda: line, identity=identity, desk=desk, name=name, kind=described.kind
    )
    if isinstance(component, OnService):
        component.shelf = desk.shelf
    return component


def _naming(described: Described) -> Iterable[OptionPath]:
    return definition(described.slot, described.kind).marked("x-command")


def _read_by(described: Described) -> list[str]:
    """What a component and its parts read."""
    declared = definition(described.slot, described.kind)
    own = declared.read_with(described.options, described.parts)
    words = {own} if own is not None else set()
    for part in described.parts.values():
        words.update(_read_by(part))
    return sorted(words)
