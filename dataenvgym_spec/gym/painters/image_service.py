"""Has a service with OpenAI's images interface paint."""

from __future__ import annotations

import binascii
import os
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.painters.protocol import Shelf
from dataenvgym_spec.gym.tasks.media import BadImageError, picture_of
from dataenvgym_spec.gym.teachers.chat import FILTERED, Unreadable
from dataenvgym_spec.gym.teachers.client import Client, Line, Pace
from dataenvgym_spec.gym.teachers.protocol import Ask, Finish, Reply, Teacher
from dataenvgym_spec.gym.teachers.refusals import Rejected, Target
from dataenvgym_spec.gym.teachers.transport import Transport
from dataenvgym_spec.language.addresses import shown
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import service

WITHHELD: Final = (*FILTERED, "moderation_blocked")
"""Codes of a description that is not painted for what it says."""
FORM: Final = "response_format"
"""How an image is asked for as base64. Services that give nothing else do not know the word."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is asked; the options of the painter, as its definition has them."""

    model: str
    provider: str
    size: str
    concurrency: int
    timeout: float
    retries: int
    quality: str | None = None
    address: str | None = None
    key_env: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def priced(self) -> str:
        """What the price of an image goes by."""
        return self.size if self.quality is None else f"{self.size} {self.quality}"


class ImageService:
    """Paints what a model behind an address makes of a description; see `OnService`."""

    def __init__(self, **options: Any) -> None:
        self.line: Teacher = Images(self, options)
        self.shelf: Shelf = Nowhere()

    def paint(self, descriptions: Sequence[str], seed: int) -> list[Path | None]:
        """Images, each asked for once; None of what is declined, or came as no image."""
        digests = self._asked(dict(enumerate(descriptions)), seed)
        images = {number: self.shelf.find(digest) for number, digest in digests.items()}
        # The journal knows an image whose file somebody removed: it can only be made anew.
        lost = {number: descriptions[number] for number, path in images.items() if path is None}
        for number, digest in self._asked(lost, seed_from("lost", seed)).items():
            images[number] = self.shelf.find(digest)
        return [images.get(number) for number in range(len(descriptions))]

    def _asked(self, descriptions: Mapping[int, str], seed: int) -> dict[int, str]:
        """The digests of the images that came, by the numbers of their descriptions."""
        asks = []
        for number, description in descriptions.items():
            asks.append(Ask.of(f"image {number}", description, seed=seed))
        replies = self.line.answer(asks)
        answered = zip(descriptions, replies, strict=True)
        return {number: reply.text for number, reply in answered if reply.usable}


class Nowhere:
    """Where no stage has said where images are kept."""

    def keep(self, content: bytes) -> str:
        """Keeps nothing.

        Raises:
            StageError: always.
        """
        message = "nobody keeps the images that a service makes"
        raise StageError(message, help="set the attribute `shelf` of the painter")

    def find(self, digest: str) -> Path | None:
        """Nothing."""
        return None


class Images(Client):
    """Asks the service, and keeps each image before it says its digest.

    Args of the constructor:
        painter: whose shelf keeps images.
        options: of the painter.
    """

    def __init__(self, painter: ImageService, options: Mapping[str, Any]) -> None:
        self.painter, self.options = painter, options
        self.settings = msgspec.convert(dict(options), Settings)
        self.formed = True

    @property
    def pace(self) -> Pace:
        """How fast and how patiently the service is asked."""
        return self.settings

    async def line(self) -> Line:
        """The requests of one call; where they go is found now, since a replay needs no address.

        Raises:
            StageError: the address or the key is missing.
        """
        self.target = self._target()
        return await super().line()

    def _target(self) -> Target:
        found = service(definition("painter", "image-service"), self.options, os.environ)
        assert found is not None
        for fault in found.faults:
            message = f"the painter '{self.settings.model}': {fault.message}"
            raise StageError(message, help=fault.help)
        key = os.environ.get(found.secret, "").strip()
        return Target(
            name=f"'{self.settings.model}' at {shown(found.address)}",
            base=found.address,
            url=f"{found.address}/images/generations",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            key=key,
            secret=found.secret,
        )

    async def asked(self, transport: Transport, ask: Ask, sample: int) -> Reply:
        """The image of a description."""
        tries = 0
        while True:
            body = self._body(ask)
            try:
                content, made = await transport.post(body, 0, _content)
            except Rejected as error:
                tries += 1
                if error.code in WITHHELD:
                    return self._reply(ask, sample, "refusal", tries)
                if FORM not in body or FORM not in str(error):
                    message = f"{transport.target.name}: {error}"
                    help = "correct the options of the painter, or what it is to paint"
                    raise StageError(message, help=help) from None
                self.formed = False
                continue
            return self._read(ask, sample, content, tries + made)

    def _body(self, ask: Ask) -> dict[str, Any]:
        settings = self.settings
        description = ask.messages[-1].content
        body = {"model": settings.model, "prompt": description, "n": 1, "size": settings.size}
        if settings.quality is not None:
            body["quality"] = settings.quality
        return {**body, FORM: "b64_json"} if self.formed else body

    def _read(self, ask: Ask, sample: int, content: Mapping[str, Any], tries: int) -> Reply:
        """The reply of a body: it was paid for, whatever it holds."""
        tokens = _tokens(content.get("usage"))
        rows = content["data"]
        if not rows:
            return self._reply(ask, sample, "empty", tries, tokens=tokens)
        image = _image(rows[0])
        if image is None:
            return self._reply(ask, sample, "invalid", tries, tokens=tokens, painted=True)
        digest = self.painter.shelf.keep(image)
        return self._reply(ask, sample, "stop", tries, text=digest, tokens=tokens, painted=True)

    def _reply(
        self,
        ask: Ask,
        sample: int,
        finish: Finish,
        tries: int,
        *,
        text: str = "",
        tokens: Mapping[str, int] | None = None,
        painted: bool = False,
    ) -> Reply:
        return Reply(
            ask=ask.id,
            sample=sample,
            text=text,
            tokens=dict(tokens or _tokens(None)),
            finish=finish,
            model=self.settings.model,
            tries=tries,
            image=self.settings.priced if painted else None,
        )


def _content(content: Any) -> Mapping[str, Any]:
    """A body as the interface has it.

    Raises:
        Unreadable: it is none.
    """
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise Unreadable
    return content


def _image(row: Any) -> bytes | None:
    """The image of an entry; None if it holds none. An address of one is not gone to."""
    text = row.get("b64_json") if isinstance(row, dict) else None
    if not isinstance(text, str):
        return None
    try:
        content = b64decode(text, validate=True)
        picture_of(content)
    except (binascii.Error, ValueError, BadImageError):
        return None
    return content


def _tokens(usage: Any) -> dict[str, int]:
    """What a service says that it counted; nothing of one that does not say."""
    given = usage if isinstance(usage, dict) else {}
    tokens = {}
    for name, said in (("prompt", "input_tokens"), ("generated", "output_tokens")):
        count = given.get(said)
        tokens[name] = count if isinstance(count, int) else 0
    return tokens
