"""An engine that has a language model write examples with images, and a painter make the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.answers import text_in
from dataenvgym_spec.gym.engines.llm import Call, Llm
from dataenvgym_spec.gym.engines.painting import DESCRIBED, painted
from dataenvgym_spec.gym.painters.protocol import Painter
from dataenvgym_spec.gym.prompt import Image
from dataenvgym_spec.gym.showing import image_of
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request, ShownError


class Painted(Llm):
    """Has a teacher write questions, answers and what an image shows, and a painter paint that.

    Attributes:
        counts: as of the engine `llm`, and descriptions that were not painted.
    """

    def __init__(
        self, *, painter: Painter, show_images: bool | None = None, **options: Any
    ) -> None:
        super().__init__(reasoning=False, **options)
        self.painter, self.show_images = painter, bool(show_images)

    @property
    def device(self) -> str | None:
        """Where a model paints, if one does in this stage."""
        return getattr(self.painter, "device", None)

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Examples request by request; what cannot be painted is missing, for a refill to make."""
        written = list(super().generate(requests, tools))
        yield from painted(written, self.painter, tools, self.counts)

    def seen(self, shown: Sequence[ShownError], tools: Tools) -> tuple[Image, ...]:
        """What the student got wrong, in the order of the errors, if the teacher is to see it.

        Raises:
            StageError: nobody says where the files are.
        """
        pictures = [picture for error in shown for picture in error.images]
        if not self.show_images or not pictures:
            return ()
        if tools.file is None:
            message = "errors show images, and nobody says where their files are"
            raise StageError(message, help="leave 'show_images' of the engine out")
        return tuple(image_of(tools.file(picture), picture.media) for picture in pictures)

    def more(self, shown: Sequence[ShownError]) -> dict[str, Any]:
        """Whether the images of errors are shown."""
        return {"seen": self.show_images and any(error.images for error in shown)}

    def fields(self) -> dict[str, Any]:
        """What an example has in a reply: the image first, which the question is about."""
        return {DESCRIBED: {"type": "string"}, **super().fields()}

    def item(self, call: Call, given: Any, tools: Tools) -> Item | None:
        """What an entry of a reply asks and answers; None if it is no example."""
        image, item = text_in(given, DESCRIBED), super().item(call, given, tools)
        if image is None or item is None:
            return None
        # One question may be asked about many images.
        identity = tools.item_id(f"{item.input}\n{image}")
        return msgspec.structs.replace(item, id=identity, verifier={DESCRIBED: image})
