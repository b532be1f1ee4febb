"""What generated examples must keep clear of.

Hashes of every item that a split holds or could hold when it grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.media import image_files
from dataenvgym_spec.graph.params import Lane, ReserveParams
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.image_hashes import image_hash
from dataenvgym_spec.records.items import Form, Item, form_or_usual, in_lane, question_id
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.ngrams import ngrams
from dataenvgym_spec.records.splits import Kept, Reserve

PARTS: Final = {"shown": "feedback", "hidden": "feedback"}
"""The split that a port is a part of; any other port is a split."""


def reserve(context: Context[ReserveParams]) -> None:
    """Writes the lanes and, for what can be listed, the identities of the items.

    A procedural source cannot be listed, so whatever falls into the lane of a split is reserved; of
    a finite source only what it holds. Where that does not do, the items that the split has drawn
    are plugged in.
    """
    params, sizes = context.params, context.params.ngrams or {}
    form, seen = form_or_usual(params.form), params.images or ()
    roles = {}
    for role, lane in params.lanes.items():
        source: Source = context.make(params.sources[role])
        if source.procedural:
            roles[str(role)] = Kept(lane=lane)
            continue
        items = _items(source, params.seed, lane)
        kept = _kept(items, sizes.get(role, ()), form)
        if role in seen:
            kept = msgspec.structs.replace(kept, images=_looks(items, _content_of(source)))
        roles[str(role)] = kept
    find = image_files(context)
    for name, items in _drawn(context).items():
        kept = _kept(items, sizes.get(name, ()), form)  # type: ignore[call-overload]
        if name in seen:
            looks = _looks(items, lambda picture: find(picture).read_bytes())
            kept = msgspec.structs.replace(kept, images=looks)
        if name in roles:
            # A lane reserves more than what was drawn from it.
            kept = msgspec.structs.replace(roles[name], ngrams=kept.ngrams, images=kept.images)
        roles[name] = kept
    context.write(
        "hashes", "reserve.json", Reserve(seed=params.seed, roles=roles, form=params.form)
    )


def _items(source: Source, seed: int, lane: Lane) -> list[Item]:
    """What a source that has an end holds in a lane."""
    found = []
    for group in source.groups():
        found += [item for item in source.stream(group, 0) if in_lane(seed, item.cluster, lane)]
    return found


def _drawn(context: Context[ReserveParams]) -> dict[str, list[Item]]:
    """The items that are plugged in, by split."""
    drawn: dict[str, list[Item]] = {}
    for port in context.ports("items"):
        items = drawn.setdefault(PARTS.get(port.port, port.port), [])
        items += read_all(port.path / "items.jsonl", Item)
    return drawn


def _kept(items: Iterable[Item], sizes: Iterable[int], form: Form) -> Kept:
    """What is known of items afterwards."""
    items = list(items)
    ids = set()
    for item in items:
        # An example is known by its question, whatever the source adds to tell items apart.
        ids |= {item.id, question_id(item, form)}
    runs = {}
    for size in sizes:
        runs[str(size)] = tuple(sorted({ngrams(item.input, size) for item in items}))
    return Kept(items=tuple(sorted(ids)), ngrams=runs or None)


def _looks(items: Iterable[Item], content: Callable[[Picture], bytes]) -> tuple[str, ...]:
    """The hashes of the images of items."""
    pictures = {picture.digest: picture for item in items for picture in item.pictures}
    return tuple(sorted({image_hash(content(picture)) for picture in pictures.values()}))


def _content_of(source: Source) -> Callable[[Picture], bytes]:
    """What reads the images of a source that has some."""

    def content(picture: Picture) -> bytes:
        images: Images | None = getattr(source, "images", None)
        found = None if images is None else images.content(picture)
        if found is None:
            message = f"an item shows the image {picture.digest[:16]}, whose file nobody has"
            raise StageError(message, help="a source has it in `images`")
        return found

    return content
