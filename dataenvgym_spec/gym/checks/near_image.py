"""Is an image of the example nearly one of a split?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.image_hashes import BITS, image_hash
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.splits import Reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The images of splits by their hashes.

    Attributes:
        hashes: one an image.
        roles: the split of each.
    """

    hashes: NDArray[np.uint64]
    roles: tuple[str, ...]

    @classmethod
    def of(cls, reserve: Reserve, roles: Sequence[str]) -> Looks:
        """Of what is kept for some splits."""
        hashes: list[int] = []
        owners: list[str] = []
        for role in roles:
            kept = reserve.roles.get(role)
            for one in () if kept is None else kept.images or ():
                hashes.append(int(one, 16))
                owners.append(role)
        return cls(hashes=np.array(hashes, dtype=np.uint64), roles=tuple(owners))

    def nearest(self, hashed: int) -> tuple[int, str]:
        """In how many bits the most alike image differs, and its split."""
        if not self.roles:
            return BITS + 1, ""
        bits = np.bitwise_count(self.hashes ^ np.uint64(hashed))
        best = int(bits.argmin())
        return int(bits[best]), self.roles[best]


class NearImage:
    """Objects to an example whose image looks like an image of a split.

    It sees hashes only, and counts the bits in which they differ.
    """

    def __init__(self, *, against: list[str], distance: int) -> None:
        self.against, self.distance = against, distance
        self._looks: Looks | None = None
        self._hashed: dict[str, int] = {}

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        if sight.reserve is None:
            return [None] * len(examples)
        if self._looks is None:
            self._looks = Looks.of(sight.reserve, self.against)
        return [self._objection(example, self._looks, sight) for example in examples]

    def _objection(self, example: Example, looks: Looks, sight: Sight) -> str | None:
        for picture in example.pictures:
            bits, role = looks.nearest(self._hash(picture, sight))
            if bits <= self.distance:
                return f"its image looks like one of {role}: {bits} of {BITS} bits differ"
        return None

    def _hash(self, picture: Picture, sight: Sight) -> int:
        """Of a candidate's image, which several candidates may show."""
        if picture.digest not in self._hashed:
            if sight.file is None:
                message = "a candidate has an image, and nobody says where its file is"
                raise StageError(message, help="leave the check 'near-image' out")
            content = sight.file(picture).read_bytes()
            self._hashed[picture.digest] = int(image_hash(content), 16)
        return self._hashed[picture.digest]
