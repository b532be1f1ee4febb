"""What the teachers of one stage share: the journal, the log of responses, and the account of them.

How a teacher is asked is in `journaled`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from dataenvgym_spec.core.errors import LimitReached, StageError
from dataenvgym_spec.core.hashing import text_digest
from dataenvgym_spec.core.variables import REPLAY, switch
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.execute.used import Used
from dataenvgym_spec.execute.watch import Watch
from dataenvgym_spec.gym.prompt import Message
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.records.media import file_name
from dataenvgym_spec.records.progress import Progress
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse, Response
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.place import journal_file
from dataenvgym_spec.store.shelf import FOLDER, Shelf

SETTLE: Final = 0.1
"""Seconds after which responses that have come are forced to the disk."""
BUFFER: Final = 1 << 18
"""Bytes of the log that are written at once; what a kill takes of it, the next attempt writes."""
LEAST: Final = -9999.0
"""The least logarithm of a probability that is kept: JSON has no infinity."""
WORDS: Final = 12
"""How many words of a question a message shows."""

Receive = Callable[[Sequence[tuple[str, Reply]]], list[Response]]
"""Keeps replies that came together under their keys; gives what the journal has for each."""


class Lost(StageError):
    """A response that was in the journal is not there any more."""


class NotJournaled(StageError):
    """Answers are only replayed, and one is not in the journal."""


class Desk:
    """Where the components of a stage ask teachers.

    Args of the constructor:
        stage: the key of the stage.
        seed: of the run; None where runs share the stage.
        name: the stage, for messages.
        log: the folder of its log.
        open_journal: opens the journal; it is not called if nobody asks a teacher.
        replay: whether each answer has to be in the journal.
        watch: looks at how far the stage has come; None where nobody does.
        pulled: where files of images may lie besides, by their digests.
    """

    def __init__(
        self,
        *,
        stage: str,
        seed: int | None,
        name: str,
        log: Path,
        open_journal: Callable[[], Journal],
        replay: bool = False,
        watch: Watch | None = None,
        pulled: Callable[[str], Iterable[Path]] = lambda _digest: (),
    ) -> None:
        self.stage, self.seed, self.name, self.replay = stage, seed, name, replay
        self.shelf = Shelf(lambda: self.journal.path.parent / FOLDER, pulled)
        self._watch = watch
        self._started, self._clock = time.time(), time.monotonic()
        self._log, self._open_journal = log, open_journal
        self._journal: Journal | None = None
        self._responses: IO[bytes] | None = None
        self._wanted: set[str] = set()
        self._noted: set[str] = set()
        self._received: set[str] = set()
        self._used: dict[str, Used] = {}
        self._asked: list[Any] = []
        self.part: Part | None = None
        """Which of several processes this is, where it only asks a part of what is asked first."""

    @classmethod
    def of(
        cls,
        layout: Layout,
        environ: Mapping[str, str],
        *,
        stage: str,
        seed: int | None,
        name: str,
        log: Path,
        say: Callable[[str], None],
        watch: Watch | None = None,
    ) -> Desk:
        """The desk of a stage of a repository.

        Raises:
            UserError: a variable of the environment says what cannot be meant.
        """

        def logs() -> Iterable[Path]:
            return sorted(layout.store.glob(f"*/log/{RESPONSES}"))

        def open_journal() -> Journal:
            return Journal(journal_file(environ), logs=logs, say=say)

        def pulled(digest: str) -> Iterable[Path]:
            return layout.store.glob(f"*/out/*/{file_name(digest)}")

        replay = switch(environ, REPLAY)
        return cls(
            stage=stage,
            seed=seed,
            name=name,
            log=log,
            open_journal=open_journal,
            replay=replay,
            watch=watch,
            pulled=pulled,
        )

    @property
    def journal(self) -> Journal:
        """The journal of this machine."""
        if self._journal is None:
            self._journal = self._open_journal()
        return self._journal

    def close(self) -> None:
        """Ends what was opened, and what teachers started."""
        for teacher in self._asked:
            if hasattr(teacher, "close"):
                teacher.close()
        self._asked.clear()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._responses is not None:
            self._responses.close()
            self._responses = None

    def find(self, keys: Sequence[str]) -> dict[str, Response]:
        """Responses that are in the journal, and safe on the disk.

        Raises:
            Lost: one of them is not there any more.
        """
        found = self.journal.find(keys)
        self.journal.settle()
        if any(key not in found for key in keys):
            message = f"the journal '{self.journal.path}' was damaged or removed meanwhile"
            raise Lost(message, help="run again: only what it has lost is asked for")
        return found

    def take(self, responses: Sequence[Response]) -> None:
        """Keeps responses that other processes had to questions of this stage."""
        if responses:
            self.journal.keep(responses)
            self.journal.settle()

    def seat(self, teacher: str, kind: str) -> None:
        """Opens the account of a teacher."""
        self._used.setdefault(teacher, Used(kind))

    def asks(self, teacher: Any) -> None:
        """Notes a teacher that is asked, so that what it starts ends with the stage."""
        self._asked.append(teacher)

    def device(self) -> str | None:
        """Where the models of its teachers run, if they run here."""
        devices = (getattr(teacher, "device", None) for teacher in self._asked)
        return next((device for device in devices if device), None)

    def want(self, teacher: str, keys: Iterable[str]) -> None:
        """Notes that some answers of a teacher are wanted, each once."""
        new = set(keys) - self._wanted
        self._wanted |= new
        self._used[teacher].wanted += len(new)

    def over(self) -> LimitReached | None:
        """Why no more may be asked for; None if it may."""
        return None if self._watch is None else self._watch.look(self.progress)

    @contextmanager
    def receiving(self, teacher: str) -> Iterator[Receive]:
        """While a teacher answers: gives what keeps replies. All are safe when it ends.

        Raises:
            StageError: a reply is none.
        """
        used = self._used[teacher]
        began = settled = time.monotonic()
        before = used.seconds

        def receive(replies: Sequence[tuple[str, Reply]]) -> list[Response]:
            nonlocal settled
            responses = self._kept(replies)
            used.seconds = before + time.monotonic() - began
            if time.monotonic() - settled > SETTLE:
                self.journal.settle()
                settled = time.monotonic()
            return responses

        try:
            yield receive
        finally:
            self.journal.settle()
            if self._watch is not None:
                self._watch.look(self.progress, last=True)

    def _kept(self, replies: Sequence[tuple[str, Reply]]) -> list[Response]:
        """What the journal has once some replies are kept, in one transaction."""
        at = time.time()
        came = [
            Response(key=key, stage=self.stage, at=at, reply=_content(reply))
            for key, reply in replies
        ]
        added = self.journal.keep(came)
        self._received.update(key for key, _ in replies)
        if added == len(came):
            return came
        # Another process asked the same and was faster: what came first counts.
        there = self.journal.find([one.key for one in came])
        return [there[one.key] for one in came]

    def require_allowed(self, teacher: str, ask: Ask, count: int) -> None:
        """Checks that a teacher may be asked.

        Raises:
            NotJournaled: answers are only replayed, and some are not in the journal.
        """
        if not self.replay:
            return
        more = f" and {count - 1} other answers" if count > 1 else ""
        asked = f"the answer of '{teacher}' to '{ask.id}' ({first_words(ask)}){more}"
        message = f"{self.name}: not in the journal: {asked}"
        remedy = (
            "bring its responses with 'dataenvgym journal import FILE', or 'dvc pull' and "
            "'dataenvgym journal rebuild'; or ask the teacher: run without --replay and without "
            f"{REPLAY}"
        )
        raise NotJournaled(message, help=remedy)

    def note(
        self,
        teacher: str,
        ask: Ask,
        reply: Reply,
        response: Response,
        *,
        sample: int,
        fault: str | None,
    ) -> None:
        """Accounts for a response that the stage uses, and writes it to the log; each once."""
        if response.key in self._noted:
            return
        self._noted.add(response.key)
        used = self._used[teacher]
        used.count(
            reply,
            finish="invalid" if fault is not None else reply.finish,
            own=response.stage == self.stage,
            received=response.key in self._received,
        )
        row = LoggedResponse(
            **msgspec.structs.asdict(response),
            teacher=teacher,
            ask=ask.id,
            sample=sample,
            messages=tuple(map(_shown, ask.messages)),
            fault=fault,
        )
        if self._responses is None:
            path = self._log / RESPONSES
            self._responses = path.open("wb", buffering=BUFFER)
        self._responses.write(msgspec.json.encode(row) + b"\n")

    def progress(self) -> Progress:
        """How far the stage has come."""
        seconds = {"total": round(time.monotonic() - self._clock, 3)}
        log = Log(started=round(self._started, 3), seconds=seconds, **self.facts())
        asked = {name: used.asked() for name, used in sorted(self._used.items()) if used.wanted}
        return Progress(log=log, asked=asked)

    def facts(self) -> dict[str, Any]:
        """What its log says of teachers; nothing if none was asked."""
        used = self.used()
        if not used:
            return {}
        tokens = dict.fromkeys(("prompt", "generated"), 0)
        for one in used.values():
            for name in tokens:
                tokens[name] += one.tokens.get(name, 0)
        facts: dict[str, Any] = {"teachers": used, "tokens": tokens}
        device = self.device()
        if device:
            facts["device"] = device
        gpus = max((getattr(teacher, "gpus", 1) for teacher in self._asked), default=1)
        if gpus > 1:
            facts["gpus"] = gpus
        return facts

    def used(self) -> dict[str, TeacherUse]:
        """What each teacher was asked, by its name."""
        return {name: used.record() for name, used in sorted(self._used.items()) if used.finishes}


def _content(reply: Reply) -> dict[str, Any]:
    """What the journal keeps of a reply.

    Raises:
        StageError: it is not of the shape of one; kept, it could never be read.
    """
    content = msgspec.structs.asdict(reply)
    if not reply.batched:
        del content["batched"]
    if reply.image is None:
        del content["image"]
    if reply.logprobs is not None:
        content["logprobs"] = [max(value, LEAST) for value in reply.logprobs]
    try:
        Reply.parse(content)
    except msgspec.ValidationError as error:
        message = f"the reply to '{reply.ask}' is none: {error}"
        raise StageError(message, help="correct the teacher; see 'Reply' in the gym") from error
    # Of a pair of surrogates, which JSON may spell out, no file takes a half.
    content["text"] = reply.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for name in ("ask", "sample"):
        del content[name]
    return content


def _shown(message: Message) -> dict[str, Any]:
    """A message as a log holds it: images by their digests, which are large otherwise."""
    content = message.plain()
    if message.images:
        content["images"] = [
            {"media": image.media, "sha256": text_digest(image.data)} for image in message.images
        ]
    return content


def first_words(ask: Ask) -> str:
    """The beginning of what is asked."""
    words = ask.messages[-1].content.split() if ask.messages else []
    more = " ..." if len(words) > WORDS else ""
    return f"{' '.join(words[:WORDS])}{more}"
