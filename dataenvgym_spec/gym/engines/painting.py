"""Examples whose image a painter made of its description. Not a component itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from dataenvgym_spec.gym.painters.protocol import Painter
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example

DESCRIBED: Final = "image"
"""Where in the verifier of an item it says what its image shows: no prompt shows that."""
UNPAINTED: Final = "descriptions that were not painted"


def painted(
    examples: Sequence[Example], painter: Painter, tools: Tools, counts: Counter[str]
) -> Iterator[Example]:
    """Examples with new images of what is described in their verifiers.

    One that cannot be painted is left out and counted; what is no image is counted by `tools`.
    """
    described = [str(example.verifier[DESCRIBED]) for example in examples]
    for example, content in zip(examples, painter.paint(described, tools.seed), strict=True):
        if content is None:
            counts[UNPAINTED] += 1
            continue
        picture = tools.images.add(content)
        if picture is not None:
            shown = msgspec.structs.replace(example, images=(picture,))
            identity = tools.identified(shown)
            cluster = tools.identified(msgspec.structs.replace(shown, input="")).id
            yield msgspec.structs.replace(shown, id=identity.id, cluster=cluster)
