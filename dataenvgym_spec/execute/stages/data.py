"""Draws one split from its source, within its lane of the hash space."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.drawing import Apart, draw, held_apart
from dataenvgym_spec.execute.gold import SHOWN, Gold
from dataenvgym_spec.execute.media import write_items
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item, form_or_usual


def data(context: Context[DataParams]) -> None:
    """Writes the items of a split; for feedback, the shown and the hidden part.

    Raises:
        StageError: the source has less, or what the scorer does not take.
    """
    params = context.params
    judge = context.judge(params.score)
    judge.start()
    source: Source = context.make(params.source)
    held = held_apart(context, params.seed)
    if held:
        source = Apart(source, held, form_or_usual(params.form))
    gold = Gold(judge=judge, computed=params.source.procedural, share=params.largest_share)
    drawn = draw(
        source, params.draw, role=params.role, lane=params.lane, seed=params.seed, gold=gold
    )
    _require_one_answer(params, drawn)
    _require_answers(params, drawn)
    images: Images | None = getattr(source, "images", None)
    for port, items in _ports(params, drawn).items():
        write_items(context, port, "items.jsonl", items, images)
    if gold.left_out:
        write_rows(context.log / "left-out.jsonl", gold.left_out)
        context.say(f"  {gold.words(len(drawn))} (listed in log/left-out.jsonl)")
        context.record(wrong_gold=len(gold.left_out))
    context.record(items=len(drawn), groups=len({item.group for item in drawn}))
    _tell_skipped(context, source)


def _require_one_answer(params: DataParams, drawn: Sequence[Item]) -> None:
    """Checks that no item has several answers, unless the scorer takes any of them.

    Of a file that is here, this is known before anything runs.

    Raises:
        StageError: one has.
    """
    if params.score.definition.several:
        return
    for item in drawn:
        if len(item.golds) > 1:
            message = f"the scorer '{params.score.kind}' takes one answer, and an item has several"
            remedy = "name a scorer that takes several answers, or leave one in each row"
            raise StageError(f"{message}: {item.input[:SHOWN]!r}", help=remedy)


def _require_answers(params: DataParams, drawn: Sequence[Item]) -> None:
    """Checks that what may be taught has an answer: a problem may have nothing but its tests.

    Raises:
        StageError: one has none.
    """
    if params.role != "pool":
        return
    bare = [item for item in drawn if not item.target]
    if bare:
        message = f"{len(bare)} of {len(drawn)} items of the pool have no answer to be taught"
        remedy = f"leave them out, or give them one: {bare[0].input[:SHOWN]!r}"
        raise StageError(message, help=remedy)


def _tell_skipped(context: Context[DataParams], source: Source) -> None:
    """Counts what the source holds and gives no item for: nothing goes missing without a word."""
    skipped = dict(getattr(source, "skipped", {}))
    images: Images | None = getattr(source, "images", None)
    if images is not None:
        skipped |= images.bad
    if skipped:
        context.record(skipped=skipped)
    for reason, count in skipped.items():
        context.say(f"  {count} {reason} skipped")


def _ports(params: DataParams, drawn: Sequence[Item]) -> dict[str, list[Item]]:
    """The items of each port."""
    if params.role != "feedback":
        return {params.role: list(drawn)}
    assert params.show is not None
    groups: dict[str, list[Item]] = {}
    for item in drawn:
        groups.setdefault(item.group, []).append(item)
    chosen = {}
    for group, members in groups.items():
        chosen[group] = _chosen(members, params.show, params.seed)
    shared: set[str] = set()
    if params.parts == "by-cluster":
        # Where clusters may span groups, one that a group shows is shown by all.
        shared = set().union(*chosen.values())
    shown_ids = {item.id for item in drawn if item.cluster in chosen[item.group]}
    shown = []
    for group in sorted(groups):
        for item in groups[group]:
            # A question that two groups hold appears once.
            joins = item.cluster in shared and item.id not in shown_ids
            if item.cluster in chosen[group] or joins:
                shown.append(item)
    hidden = [item for item in drawn if item.cluster not in shared and item.id not in shown_ids]
    return {"shown": shown, "hidden": hidden}


def _chosen(members: Sequence[Item], show: float, seed: int) -> set[str]:
    """The clusters that a group shows: the part of them that is first by hash."""
    clusters = {item.cluster for item in members}
    ranked = sorted(clusters, key=lambda cluster: digest("show", [seed, cluster]))
    return set(ranked[: math.ceil(show * len(ranked))])
