"""Checks candidates in the order of their requests and accepts them up to the planned amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import scorer
from dataenvgym_spec.gym.checks.protocol import Bench, Check, Reserve, answers_of
from dataenvgym_spec.language.components import definition, make
from dataenvgym_spec.records.examples import ITEM_FIELDS
from dataenvgym_spec.records.files import Row, read_json, read_rows, write_json, write_rows
from dataenvgym_spec.records.items import Item


def check(context: Context) -> None:
    """Writes what is accepted, what the agent may see of it, and what is rejected with reasons.

    The amount is cut at a prefix of the request order, so that it never depends on who answered first.
    """
    params = context.params
    allocation: dict[str, int] = read_json(context.path("plan", "plan.json"))["allocation"]
    before = read_json(context.path("yield", "yield.json")) if context.ports("yield") else {}
    had = {skill: before.get(skill, {}).get("accepted", 0) for skill in allocation}
    earlier = {
        row["id"]
        for read in context.ports("accepted")
        for row in read_rows(read.path / "examples.jsonl")
    }
    reserve = (
        Reserve.of(read_json(context.path("reserve", "reserve.json")))
        if context.ports("reserve")
        else None
    )
    checks = [
        (options["kind"], options["action"], make("check", _without_action(options)))
        for options in params["checks"]
    ]
    candidates = read_rows(context.path("candidates", "examples.jsonl"))
    answers = (
        answers_of(read_rows(context.path("answers", "results.jsonl")))
        if context.ports("answers")
        else None
    )
    quota = {skill: count - had[skill] for skill, count in allocation.items()}
    if candidates:
        accepted, rejected, tally = judge(
            candidates,
            quota,
            checks,
            Bench(
                scorer=scorer(params["score"]), accepted=earlier, reserve=reserve, answers=answers
            ),
        )
    else:  # a refill that was not needed: the scorer's imports would be all it does
        accepted, rejected, tally = [], [], {}
    counts = Counter(row["skill"] for row in accepted)
    if "apart" in params:
        accepted, noted = set_apart(accepted, params["apart"])
        write_rows(context.out("rejected", "noted.jsonl"), noted)
    write_rows(context.out("accepted", "examples.jsonl"), accepted)
    write_json(
        context.out("yield", "yield.json"),
        {s: {"requested": n, "accepted": had[s] + counts[s]} for s, n in allocation.items()},
    )
    write_rows(context.out("rejected", "examples.jsonl"), rejected)
    write_json(context.out("rejected", "tally.json"), tally)
    context.record(candidates=len(candidates), accepted=len(accepted))
    totals = Counter(
        {
            what: sum(row.get(what, 0) for row in tally.values())
            for row in tally.values()
            for what in row
        }
    )
    context.say(
        "  "
        + (
            ", ".join(f"{count} {what}" for what, count in sorted(totals.items()))
            or "nothing to check"
        )
    )


def _without_action(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "action"}


def set_apart(accepted: list[Row], names: Iterable[str]) -> tuple[list[Row], list[Row]]:
    """Accepted rows without the notes of some checks, and those notes: what hashes of a split say must not go with an example."""
    hidden = frozenset(names)
    kept, noted = [], []
    for row in accepted:
        notes = row.get("notes", {})
        seen = {name: note for name, note in notes.items() if name not in hidden}
        kept.append(
            {
                **{key: value for key, value in row.items() if key != "notes"},
                **({"notes": seen} if seen else {}),
            }
        )
        if len(seen) < len(notes):
            noted.append(
                {
                    "id": row["id"],
                    "skill": row["skill"],
                    "notes": {name: note for name, note in notes.items() if name in hidden},
                }
            )
    return kept, noted


def judge(
    candidates: Iterable[Row],
    quota: dict[str, int],
    checks: list[tuple[str, str, Check]],
    bench: Bench,
) -> tuple[list[Row], list[Row], dict[str, dict[str, int]]]:
    """Splits candidates into accepted and rejected rows and counts them by skill.

    A candidate beyond its skill's quota is `surplus`: it is not judged. `action: record` notes the objection and accepts.
    A check sees what it is declared to read and nothing else, and whatever it does to what it is handed changes nothing: it may
    only remove.
    """
    left = dict(quota)
    taken = dict.fromkeys(bench.accepted)
    # The keys of a dictionary follow it and cannot be written to.
    benches = {
        name: replace(bench, accepted=taken.keys()).shown_to(definition("check", name).reads)
        for name, _, _ in checks
    }
    accepted: list[Row] = []
    rejected: list[Row] = []
    tally: dict[str, Counter[str]] = {}
    for row in candidates:
        count = tally.setdefault(row["skill"], Counter())
        if left.get(row["skill"], 0) <= 0:
            count["surplus"] += 1
            continue
        notes: dict[str, str] = {}
        verdict = None
        for name, action, made in checks:
            objection = made.objection(
                Item(**deepcopy({name: row[name] for name in ITEM_FIELDS})), benches[name]
            )
            if objection and action == "reject":
                verdict = (name, objection)
                break
            if objection:
                notes[name] = objection
        if verdict:
            rejected.append({**row, "check": verdict[0], "reason": verdict[1]})
            count[verdict[0]] += 1
            continue
        accepted.append({**row, "notes": notes} if notes else row)
        taken[row["id"]] = None
        left[row["skill"]] -= 1
        count["accepted"] += 1
    return (
        accepted,
        rejected,
        {skill: dict(sorted(count.items())) for skill, count in sorted(tally.items())},
    )
