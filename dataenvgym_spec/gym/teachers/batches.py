"""Questions handed in as batches: OpenAI's files and batches, which cost less and take up to a day.

Nothing is remembered here. Each question has a name made of all that is asked, and of the run that
asks, and batches of ours are marked, so whoever asks again finds what is under way or done, also
after a kill, in part, or on another machine. A file of answers that were all taken is removed: who
asks then asks anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Final

import aiohttp
import msgspec

from dataenvgym_spec.core.errors import StageError, visible
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.chat import Dialect, Settings, Unreadable
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.refusals import SHOWN, Missing, Rejected, quoted
from dataenvgym_spec.gym.teachers.transport import JSON, Call, Transport

ENDPOINT: Final = "/v1/chat/completions"
MARK: Final = {"made_by": "dataenvgym"}
"""What our batches say of themselves."""
DIALECT: Final = Dialect(longest="max_completion_tokens")
POLL: Final = 30.0
"""Seconds between two looks at a batch."""
MOST_ROWS, MOST_BYTES = 50_000, 150_000_000
"""What one batch holds."""
PAGES: Final = 10
"""How many pages of a hundred batches are looked through."""
ENDED: Final = ("completed", "failed", "expired", "cancelled")
"""States of a batch that gives no more answers than it has; in any other they may come."""
WINDOW: Final = 24
"""Hours within which a batch is asked to be done, and of one that does not say when it expires."""
LATE: Final = 3600.0
"""Seconds beyond that in which a service may gather what it has, and in which clocks may differ."""
TAKEN_UP: Final = "the others are kept; run again, which asks for these"
CALL_OFF: Final = (
    "the others are kept; look at it at the service, and cancel it there if it does not end: the "
    "same command then takes what it has answered and asks for the rest; until then it looks again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A question in a batch: its name there, and its line."""

    id: str
    ask: Ask
    sample: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Questions of one batch, which is known by its name or not yet handed in."""

    batch: str | None
    rows: tuple[Row, ...]


def rows(asks: Iterable[Ask], settings: Settings) -> Iterator[Row]:
    """The questions as lines of batches. What is asked twice has two names."""
    times: Counter[str] = Counter()
    for ask in asks:
        for sample in range(ask.samples):
            body = chat.body(ask, sample, settings, DIALECT)
            # Equal questions of two runs are two: their answers are replicates, not copies.
            name = digest("asked", [ask.run, body])
            times[name] += 1
            id = f"{name}-{times[name]}"
            line = {"custom_id": id, "method": "POST", "url": ENDPOINT, "body": body}
            yield Row(id=id, ask=ask, sample=sample, line=json.dumps(line, ensure_ascii=False))


class Batches:
    """The batches of one call of `answer`; made and used inside of an event loop."""

    def __init__(self, transport: Transport, settings: Settings) -> None:
        self.transport, self.settings = transport, settings
        self._taken: list[str] = []
        self._unanswered: list[str] = []
        self._overdue = False

    async def arranged(self, wanted: Iterable[Row]) -> list[Handed]:
        """Which questions are in earlier batches, and new batches of the others."""
        open_rows = {row.id: row for row in wanted}
        found = []
        async for batch in self._earlier():
            if not open_rows:
                break
            ids = await self._ids(batch)
            mine = tuple(open_rows.pop(id) for id in ids if id in open_rows)
            if mine:
                found.append(Handed(batch=batch["id"], rows=mine))
        new = [Handed(batch=None, rows=part) for part in _parts(open_rows.values())]
        return [*found, *new]

    async def answers(self, handed: Handed) -> list[Reply]:
        """The replies to the questions of a batch, once it has ended or is overdue."""
        name = handed.batch or await self._hand_in(handed.rows)
        batch = await self._done(name)
        ended = batch["status"] in ENDED
        replies = []
        open_rows = {row.id: row for row in handed.rows}
        for file in (batch.get("output_file_id"), batch.get("error_file_id")):
            lines = await self._lines(file) if file else []
            known = {row.id for row in handed.rows}
            for line in lines:
                row = open_rows.get(line["custom_id"])
                reply = None if row is None else self._reply(row, line)
                if row is not None and reply is not None:
                    replies.append(reply)
                    del open_rows[row.id]
            # What somebody else may be waiting for stays.
            if file and ended and all(line["custom_id"] in known for line in lines):
                self._taken.append(file)
        if open_rows:
            self._unanswered.append(f"{len(open_rows)} of {_described(batch)}")
            self._overdue |= not ended
        return replies

    async def settle(self) -> None:
        """Removes from the service what was taken.

        Raises:
            StageError: some questions were not answered.
        """
        for file in self._taken:
            await self._gone(file)
        if self._unanswered:
            message = f"{self.transport.target.name}: not answered: {', '.join(self._unanswered)}"
            raise StageError(message, help=CALL_OFF if self._overdue else TAKEN_UP)

    # --- the service ----------------------------------------------------------------------------

    async def _hand_in(self, handed: Sequence[Row]) -> str:
        data = "".join(f"{row.line}\n" for row in handed).encode()

        def form() -> Any:
            form = aiohttp.FormData()
            form.add_field("purpose", "batch")
            form.add_field("file", data, filename="asked.jsonl")
            return form

        file = await self._call("/files", _named, "POST", form)
        asked = {"input_file_id": file["id"], "endpoint": ENDPOINT, "metadata": MARK}
        body = msgspec.json.encode({**asked, "completion_window": f"{WINDOW}h"})
        batch = await self._call("/batches", _named, "POST", lambda: body, JSON)
        return str(batch["id"])

    async def _done(self, name: str) -> dict[str, Any]:
        """A batch when it has ended, or as it stands when it should have long ago."""
        since = time()
        while True:
            batch = await self._call(f"/batches/{name}", _batch)
            if batch["status"] in ENDED or time() > _due(batch, since) + LATE:
                return batch
            await self.transport.rest(POLL)

    async def _earlier(self) -> AsyncIterator[dict[str, Any]]:
        """Our batches, the latest first."""
        after = ""
        for _ in range(PAGES):
            page = await self._call(f"/batches?limit=100{after}", _page)
            for batch in filter(_is_ours, page["data"]):
                yield batch
            if not page["data"] or not page.get("has_more"):
                return
            after = f"&after={page['data'][-1]['id']}"

    async def _ids(self, batch: Mapping[str, Any]) -> list[str]:
        """The questions that a batch will answer, or has."""
        ended = batch["status"] in ENDED
        file = batch.get("output_file_id" if ended else "input_file_id")
        return [line["custom_id"] for line in await self._lines(file)] if file else []

    async def _lines(self, file: str) -> list[dict[str, Any]]:
        """The records of a file; none of one that was removed."""
        call = Call(url=f"{self.transport.target.base}/files/{file}/content", is_json=False)
        try:
            lines, _ = await self.transport.send(call, _read)
        except Missing:
            return []
        return lines

    async def _gone(self, file: str) -> None:
        try:
            await self._call(f"/files/{file}", _record, "DELETE")
        except Missing:
            return

    async def _call(
        self,
        path: str,
        read: Callable[[Any], dict[str, Any]],
        method: str = "GET",
        data: Any = lambda: None,
        headers: Any = None,
    ) -> dict[str, Any]:
        """A record that the service gives.

        Raises:
            StageError: it gives none.
        """
        url = f"{self.transport.target.base}{path}"
        call = Call(url=url, method=method, data=data, headers=headers or {})
        try:
            content, _ = await self.transport.send(call, read)
        except Rejected as error:
            message = f"{self.transport.target.name}: it takes no batches: {error}"
            raise StageError(message, help="leave `batch` out for this service") from None
        return content

    def _reply(self, row: Row, line: Mapping[str, Any]) -> Reply | None:
        """The reply in a line of a batch; None if it has to be asked for again."""
        response = line.get("response")
        if not isinstance(response, dict):
            return None
        body = response.get("body")
        if response.get("status_code") == 200:
            try:
                reply = chat.reply(row.ask, row.sample, body, self.settings)
                return msgspec.structs.replace(reply, batched=True)
            except Unreadable:
                return None
        error = body.get("error") if isinstance(body, dict) else None
        said = error if isinstance(error, dict) else {}
        words, code = str(said.get("message") or ""), str(said.get("code") or "")
        return chat.withheld(row.ask, row.sample, words, code, self.settings)


# --- what a service says; whatever else it is, it is asked again ---------------------------------


def _record(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Unreadable
    return content


def _named(content: Any) -> dict[str, Any]:
    """A record that can be asked for again."""
    record = _record(content)
    if not isinstance(record.get("id"), str):
        raise Unreadable
    return record


def _batch(content: Any) -> dict[str, Any]:
    """A batch: how it stands, and its files as far as there are some."""
    record = _named(content)
    files = [record.get(f"{port}_file_id") for port in ("input", "output", "error")]
    if not isinstance(record.get("status"), str):
        raise Unreadable
    if not all(isinstance(file, str | None) for file in files):
        raise Unreadable
    return record


def _due(batch: Mapping[str, Any], since: float) -> float:
    """When a batch has to have ended, or begun to: seconds since the epoch.

    Args:
        batch: what the service says of it.
        since: when it was begun where the service does not say that.
    """
    expiry = _moment(batch, "expires_at")
    if expiry is None:
        expiry = (_moment(batch, "created_at") or since) + WINDOW * 3600
    # What was answered is gathered when a batch ends, also when somebody cancels it.
    ends = (_moment(batch, port) for port in ("finalizing_at", "cancelling_at"))
    return max(expiry, *(end or 0.0 for end in ends))


def _moment(batch: Mapping[str, Any], name: str) -> float | None:
    """A time that a service says; None if it says none."""
    said = batch.get(name)
    return float(said) if isinstance(said, int | float) and said > 0 else None


def _described(batch: Mapping[str, Any]) -> str:
    """A batch that did not answer everything: how it stands, and the service's reason."""
    words = f"a batch that is {quoted(batch['status'])}"
    if batch["status"] not in ENDED:
        return f"{words} and should have ended long ago ({visible(batch['id'], SHOWN)})"
    errors = batch.get("errors")
    rows = errors.get("data") if isinstance(errors, dict) else None
    first = rows[0] if isinstance(rows, list) and rows else None
    said = first.get("message") if isinstance(first, dict) else None
    return f"{words}: {quoted(said)}" if isinstance(said, str) else words


def _page(content: Any) -> dict[str, Any]:
    """A page of batches, of which ours are whole."""
    record = _record(content)
    if not isinstance(record.get("data"), list):
        raise Unreadable
    for batch in map(_named, record["data"]):
        if _is_ours(batch):
            _batch(batch)
    return record


def _is_ours(batch: Mapping[str, Any]) -> bool:
    said = batch.get("metadata")
    return isinstance(said, dict) and said.get("made_by") == MARK["made_by"]


def _read(text: str) -> list[dict[str, Any]]:
    """The records of a file that holds one a line, each with the name of its question."""
    try:
        # Not `splitlines`: an answer may hold U+2028, which JSON leaves as it is.
        lines = [_record(json.loads(line)) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not all(isinstance(line.get("custom_id"), str) for line in lines):
        raise Unreadable
    return lines


def _parts(every: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    """Rows in parts that a batch can hold."""
    part: list[Row] = []
    size = 0
    for row in every:
        length = len(row.line.encode()) + 1
        if part and (len(part) == MOST_ROWS or size + length > MOST_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield tuple(part)
