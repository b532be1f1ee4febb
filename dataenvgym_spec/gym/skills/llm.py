"""Skills that a language model finds: it labels questions, groups the labels, and assigns items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dataenvgym_spec.gym.answers import text_in
from dataenvgym_spec.gym.prompt import TextTemplate
from dataenvgym_spec.gym.skills.grouping import Group, grouped, tidy
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.gym.skills.wording import GROUPS, LABELS, choice, entries
from dataenvgym_spec.gym.solving import read_object
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


class SkillsByModel:
    """Skills by the labels of a teacher.

    No prompt grows with the number of items: questions are labelled and labels grouped in parts.
    What a teacher does not answer in the shape asked for ends in the fallback, never in an error.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        topic: str,
        fewest: int,
        largest: int,
        fallback: str,
        items_per_prompt: int,
        labels_per_prompt: int,
        longest: int,
        label_template: str,
        group_template: str,
        assign_template: str,
    ) -> None:
        self.teacher, self.topic, self.fallback = teacher, topic, fallback
        self.fewest, self.largest = fewest, largest
        self.items_per_prompt, self.labels_per_prompt = items_per_prompt, labels_per_prompt
        self.longest = longest
        self.label_template = TextTemplate(label_template)
        self.group_template = TextTemplate(group_template)
        self.assign_template = TextTemplate(assign_template)

    def discover(self, items: Sequence[Item]) -> Discovered:
        """Labels the items, groups the labels, and asks about items whose label is in no group."""
        labels = self._labels(items)
        counts = Counter(labels.values())
        groups = self._groups(counts)
        skill_of = {label: group.name for group in groups for label in group.labels}
        names = tuple(group.name for group in groups)
        told = {group.name: group.description for group in groups if group.description}
        found = Discovered(skills=names, items={}, descriptions=told or None)
        placed = {id: skill_of[label] for id, label in labels.items() if label in skill_of}
        asks = [self.assign(item, found) for item in items if item.id not in placed]
        rest = [ask for ask in asks if isinstance(ask, Ask)]
        replies = self.teacher.answer(rest) if rest else ()
        placed |= {reply.ask: self.read(reply, found) for reply in replies}
        every = {item.id: placed.get(item.id, self.fallback) for item in items}
        more = (self.fallback,) if self.fallback in every.values() else ()
        return Discovered(
            skills=(*names, *more),
            items=every,
            descriptions=told or None,
            fallback=self.fallback,
        )

    def assign(self, item: Item, skills: SkillMap) -> str | Ask:
        """The question which skill an item needs; the fallback where there is no other."""
        names = [name for name in skills.skills if name != self.fallback]
        if not names:
            return self.fallback
        told = skills.descriptions or {}
        listed = [{"name": name, "description": told.get(name, "")} for name in names]
        text = item.input[: self.longest]
        prompt = self.assign_template.render(topic=self.topic, skills=listed, text=text)
        return Ask.of(item.id, prompt, shape=choice(names))

    def read(self, reply: Reply, skills: SkillMap) -> str:
        """The name that a reply gives, or the fallback."""
        name = text_in(read_object(reply), "skill")
        return name if name in skills.skills else self.fallback

    def _labels(self, items: Sequence[Item]) -> dict[str, str]:
        """The label of each item, by its id; what is left out of a part is asked alone."""
        labels = self._labelled(items, self.items_per_prompt)
        rest = [item for item in items if item.id not in labels]
        return labels | self._labelled(rest, 1) if self.items_per_prompt > 1 else labels

    def _labelled(self, items: Sequence[Item], size: int) -> dict[str, str]:
        parts = [items[at : at + size] for at in range(0, len(items), size)]
        asks = []
        for number, part in enumerate(parts):
            shown = [
                {"number": place, "text": item.input[: self.longest]}
                for place, item in enumerate(part, start=1)
            ]
            prompt = self.label_template.render(topic=self.topic, items=shown)
            asks.append(Ask.of(f"label-{number}", prompt, shape=LABELS))
        labels: dict[str, str] = {}
        for number, reply in self._replies(asks).items():
            labels |= _read_labels(reply, parts[number])
        return labels

    def _groups(self, counts: Mapping[str, int]) -> tuple[Group, ...]:
        """The groups of labels; the fallback is none of them."""
        if not counts:
            return ()
        groups = grouped(counts, self._group, most=self.largest, part=self.labels_per_prompt)
        return tuple(group for group in groups if group.name != self.fallback)

    def _group(self, parts: Sequence[Sequence[Group]], most: int) -> Mapping[int, Reply]:
        asks = []
        for number, part in enumerate(parts):
            listed = [
                {"number": place, "name": group.name, "description": group.description}
                for place, group in enumerate(part, start=1)
            ]
            fewest = min(self.fewest, most)
            prompt = self.group_template.render(
                topic=self.topic, labels=listed, fewest=fewest, most=most
            )
            asks.append(Ask.of(f"group-{number}", prompt, shape=GROUPS))
        return self._replies(asks)

    def _replies(self, asks: Sequence[Ask]) -> dict[int, Reply]:
        """The replies to questions, by their number."""
        if not asks:
            return {}
        numbers = {ask.id: number for number, ask in enumerate(asks)}
        return {numbers[reply.ask]: reply for reply in self.teacher.answer(asks)}


def _read_labels(reply: Reply, part: Sequence[Item]) -> dict[str, str]:
    """The labels that a reply gives items, by id."""
    labels = {}
    for entry in entries(reply, "labels"):
        number, label = entry.get("number"), tidy(entry.get("label", "")).casefold()
        if isinstance(number, int) and 1 <= number <= len(part) and label:
            labels[part[number - 1].id] = label
    return labels
