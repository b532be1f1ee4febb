"""What a student is asked in an evaluation: the items, their prompts and seeds, in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from dataenvgym_spec.core.hashing import digest, salted, seed_from
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.prompts import prompts_of, require_unseen, unseen
from dataenvgym_spec.execute.salting import batches
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.gym.prompt import Prompt, Prompts
from dataenvgym_spec.records.evaluations import Choice
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.store.layout import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a student is asked: each item as often as answers to it are drawn.

    Attributes:
        ports: the items of each port, each once.
        items: of all ports.
        seeds: one a prompt where answers are drawn; else none.
        samples: answers to each item.
        batches: places in these, in the order in which they are asked and judged; one list, but in
            a salted copy.
    """

    ports: Mapping[str, Sequence[Item]]
    items: Sequence[Item]
    prompts: Sequence[Prompt]
    seeds: Sequence[int]
    samples: int
    batches: Sequence[Sequence[int]]


def what_is_asked(context: Context[EvaluateParams]) -> Asked:
    """What a stage asks each of its students.

    Raises:
        StageError: prompts show the answer to an item of a split.
    """
    items = _items(context)
    prompts = prompts_of(context)
    if "pool" in items:  # what prompts show of it is answered already
        items["pool"] = unseen(prompts.shots, items["pool"])
    if not context.ports("candidates"):  # an example may well be one that is shown
        require_unseen(prompts.shots, chain.from_iterable(items.values()))
    return _asked(context.params, prompts, items)


def students_of(context: Context[EvaluateParams]) -> dict[int | None, Path]:
    """The students that are asked, by iteration where a choice names them."""
    ports = context.ports("student")
    choice = context.one("choice", "choice.json", Choice)
    if choice is None:
        return {None: context.folder(ports[0])}
    wanted = sorted({choice.best, choice.last})
    return {number: context.folder(ports[number - 1]) for number in wanted}


def base_of(context: Context[EvaluateParams]) -> Path | None:
    """The base of students that are adapters."""
    ports = context.ports("base")
    return context.folder(ports[0]) if ports else None


def content_of_base(context: Context[EvaluateParams]) -> str | None:
    """What identifies the content of the base that students adapt, or that is asked itself.

    None of a student all of whose weights were trained, or if it is unknown.
    """
    asked = context.ports("student")
    ports = context.ports("base") or [port for port in asked if _is_base(port)]
    if not ports or not ports[0].digest:
        return None
    port, folder = ports[0], context.folder(ports[0])
    if folder == port.path:
        return port.digest
    # It lies outside of the repository, where nobody records what its files hold.
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    files = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return digest("model", [port.digest, str(folder), files])


def _is_base(port: PortRead) -> bool:
    """Whether a port holds a student before any training."""
    return kind_of(port.path.parents[1].name) == "student"


def _asked(params: EvaluateParams, ask: Prompts, items: dict[str, Sequence[Item]]) -> Asked:
    samples = params.generate.samples
    seed = None if params.seed is None else salted(params.seed, params.salt)
    asked: list[Item] = []
    prompts: list[Prompt] = []
    seeds: list[int] = []
    for item in chain.from_iterable(items.values()):
        prompt = ask.prompt(item)
        for number in range(samples):
            asked.append(item)
            prompts.append(prompt)
            if params.generate.draws:
                # Students answer an item under the same seeds: what differs is the student.
                seeds.append(seed_from("answer", seed, item.id, number))
    order = batches(len(asked), params.generate.batch_size, params.salt)
    return Asked(
        ports=items, items=asked, prompts=prompts, seeds=seeds, samples=samples, batches=order
    )


def _items(context: Context[EvaluateParams]) -> dict[str, Sequence[Item]]:
    """The items of each split, or candidates as items."""
    items: dict[str, Sequence[Item]] = {}
    for port in context.ports("items"):
        items[port.port] = read_all(port.path / "items.jsonl", Item)
    for port in context.ports("candidates"):
        items[port.port] = _candidates(port)
    return items


def _candidates(port: PortRead) -> list[Item]:
    return [example.item() for example in read_all(port.path / "examples.jsonl", Example)]
