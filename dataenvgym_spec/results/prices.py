"""What a machine, a teacher's model and a painter's images cost.

The table in `prices.yaml`, at the root of the repository. Never part of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.language import source
from dataenvgym_spec.language.validate import against
from dataenvgym_spec.records.logs import Log

FILE: Final = "prices.yaml"

_DOLLARS: Final = {"type": "number", "minimum": 0}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Prices: `machine_hour`, `gpu_hour`, `models` and `images`.",
    "additionalProperties": False,
    "properties": {
        "machine_hour": {
            **_DOLLARS,
            "description": "US dollars for an hour of the machine that runs stages.",
        },
        "gpu_hour": {
            **_DOLLARS,
            "description": "US dollars for an hour of one GPU, beside the machine.",
        },
        "models": {
            "type": "object",
            "description": "US dollars per million tokens of teachers' models, by name.",
            "additionalProperties": {
                "type": "object",
                "description": "US dollars per million tokens: `{prompt: 2.5, generated: 10}`.",
                "additionalProperties": False,
                "required": ["prompt", "generated"],
                "properties": {
                    "prompt": {
                        **_DOLLARS,
                        "description": "US dollars per million tokens that it reads.",
                    },
                    "generated": {
                        **_DOLLARS,
                        "description": "US dollars per million tokens that it writes.",
                    },
                    "cached": {
                        **_DOLLARS,
                        "description": "US dollars per million tokens that it reads from its "
                        "cache; without it they cost what others do.",
                    },
                    "batched": {
                        "type": "number",
                        "minimum": 0,
                        "maximum": 1,
                        "description": "What tokens cost by the service's batch interface, as a "
                        "share of the price: 0.5 for half of it.",
                    },
                },
            },
        },
        "images": {
            "type": "object",
            "description": "US dollars for an image of a service's painter, by name.",
            "additionalProperties": {
                "type": ["number", "object"],
                "minimum": 0,
                "description": "US dollars: `0.04`, or by quality or size: `{low: 0.01}`.",
                "additionalProperties": {
                    **_DOLLARS,
                    "description": "US dollars for an image of this size, of this quality, or of "
                    "both: `1024x1024 low`.",
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """US dollars per million tokens.

    Attributes:
        prompt: read.
        generated: written.
        cached: read from the service's cache; None if they cost what others do.
        batched: the share of these that is paid where requests are handed in as a batch.
    """

    prompt: float
    generated: float
    cached: float | None = None
    batched: float = 1.0

    def usd(self, tokens: Mapping[str, int], batched: Mapping[str, int] | None = None) -> float:
        """What some tokens cost. Those from a cache are among the ones of the prompt.

        Args:
            tokens: by `prompt`, `generated` and `cached`.
            batched: those of them that came by the batch interface.

        >>> TokenPrice(prompt=2, generated=8, cached=1).usd({"prompt": 10**6, "cached": 500_000})
        1.5
        >>> TokenPrice(prompt=2, generated=8, batched=0.5).usd({"prompt": 10**6}, {"prompt": 10**6})
        1.0
        """
        saved = 0.0 if batched is None else (1 - self.batched) * self.usd(batched)
        cached = tokens.get("cached", 0)
        fresh = tokens.get("prompt", 0) - cached
        cheap = self.prompt if self.cached is None else self.cached
        millions = fresh * self.prompt + cached * cheap
        millions += tokens.get("generated", 0) * self.generated
        return millions / 1e6 - saved


ImagePrice = float | Mapping[str, float]
"""US dollars for an image: one price, or one for each size or quality, or for both of them."""


def image_usd(price: ImagePrice, painted: str) -> float | None:
    """What one image costs; None if the table does not say.

    Args:
        price: of the service.
        painted: what the price goes by, with a space between two: the size, and the quality.

    >>> image_usd({"low": 0.01, "1024x1536 low": 0.02}, "1024x1024 low")
    0.01
    """
    if not isinstance(price, Mapping):
        return price
    names = (painted, *painted.split())
    return next((price[name] for name in names if name in price), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The table. Without a file everything is free."""

    machine_hour: float = 0.0
    gpu_hour: float = 0.0
    models: Mapping[str, TokenPrice] = field(default_factory=dict)
    images: Mapping[str, ImagePrice] = field(default_factory=dict)

    def of(self, teacher: Component) -> TokenPrice | None:
        """What a teacher's tokens cost: by the model it names, else by its kind."""
        return self.named(*_names(teacher))

    def of_image(self, painter: Component) -> float | None:
        """What an image of a service costs: by the model it names, else by its kind."""
        by = painter.marked("x-priced")
        values = [value for (name,) in by if (value := painter.options.get(name)) is not None]
        return self._of_image(_names(painter), " ".join(map(str, values)))

    def _of_image(self, names: Iterable[str], painted: str) -> float | None:
        price = next((self.images[name] for name in names if name in self.images), None)
        return None if price is None else image_usd(price, painted)

    def named(self, *names: str) -> TokenPrice | None:
        """The price under the first of some names that the table has."""
        return next((self.models[name] for name in names if name in self.models), None)

    def asked(self, log: Log) -> float:
        """What the teachers of a stage cost, in US dollars, by its log.

        Only what it has paid for itself: what it found in the journal costs nothing twice.
        """
        total = 0.0
        for name, used in (log.teachers or {}).items():
            names = (name, used.kind)
            total += self.usd(names, used.tokens, used.batched, used.images) or 0.0
        return total

    def usd(
        self,
        names: tuple[str, ...],
        tokens: Mapping[str, int],
        batched: Mapping[str, int] | None,
        images: Mapping[str, int] | None,
    ) -> float | None:
        """What tokens and images of one teacher or painter cost; None if no price is known.

        Args:
            names: under which its prices may stand.
            tokens: by `prompt`, `generated` and `cached`.
            batched: those of them that came by the batch interface.
            images: by what their price goes by.
        """
        costs = []
        price = self.named(*names)
        if price is not None:
            costs.append(price.usd(tokens, batched))
        for painted, count in (images or {}).items():
            each = self._of_image(names, painted)
            if each is not None:
                costs.append(count * each)
        return sum(costs) if costs else None

    def time(self, seconds: float, gpu_seconds: float) -> float:
        """What the machine costs for so long, in US dollars."""
        return (seconds * self.machine_hour + gpu_seconds * self.gpu_hour) / 3600


def _names(component: Component) -> tuple[str, str]:
    """Under which its price may stand."""
    return str(component.options.get("model")), component.kind


def read_prices(root: Path) -> Prices:
    """Reads the table of a repository.

    Raises:
        SpecError: the file is no such table.
    """
    path = root / FILE
    if not path.exists():
        return Prices()
    node = source.read(path, shown=FILE)
    found = against(SCHEMA, node)
    if found:
        raise SpecError(found)
    return msgspec.convert(node.plain(), Prices)
