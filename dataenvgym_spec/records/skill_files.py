"""Files of skills: which skill an item has, as somebody found it before.

Two forms are read. The plain one is what a stage writes as `skills.json`:

    {"skills": ["sums", "products"], "items": {"<id>": "sums"}, "descriptions": {"sums": "..."},
     "texts": {"What is 1 + 1?": "sums"}}

where `skills` may be left out, and one of `items` (by id) and `texts` (by question) is enough. The
other is that of the skills which were released with the paper: `labeled_instructions`,
`skill_categories` and `instance_id_to_skill_category`. The skills of its labels describe single
items, whose split is not known here: no description is made of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dataenvgym_spec.records.items import WORDS, canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillFile:
    """What a file says of skills.

    Attributes:
        skills: their names, in its order.
        descriptions: what a skill is, by its name.
        ids: the skill of an item, by its id.
        texts: the skill of an item, by its question in canonical form.
    """

    skills: tuple[str, ...]
    descriptions: Mapping[str, str]
    ids: Mapping[str, str]
    texts: Mapping[str, str]

    def of(self, id: str, question: str) -> str | None:
        """The skill of an item, by its id or else its question; None if it is not in the file."""
        return self.ids.get(id) or self.texts.get(canonical(question, WORDS))


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    skills: tuple[str, ...] = ()
    items: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    texts: dict[str, str] = {}


class _Category(msgspec.Struct):
    descriptive_name: str


class _Labeled(msgspec.Struct):
    instance_id: str
    instruction: str


class _Released(msgspec.Struct):
    skill_categories: tuple[_Category, ...]
    instance_id_to_skill_category: dict[str, _Category]
    labeled_instructions: tuple[_Labeled, ...] = ()


def read_skill_file(path: Path) -> SkillFile:
    """Reads a file of skills.

    Raises:
        ValueError: it is not one, or names no skill; says why.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    try:
        is_released = isinstance(content, dict) and "skill_categories" in content
        found = _released(content) if is_released else _plain(content)
    except msgspec.ValidationError as error:
        raise ValueError(f"is no file of skills: {error}") from error
    if not found.skills:
        raise ValueError("names no skill")
    return found


def _plain(content: Any) -> SkillFile:
    plain = msgspec.convert(content, _Plain)
    used = sorted({*plain.items.values(), *plain.texts.values()})
    skills = plain.skills or tuple(used)
    _require_listed(skills, [*used, *plain.descriptions])
    return SkillFile(
        skills=skills,
        descriptions=plain.descriptions,
        ids=plain.items,
        texts=_canonical(plain.texts),
    )


def _released(content: Any) -> SkillFile:
    released = msgspec.convert(content, _Released)
    categories = [category.descriptive_name for category in released.skill_categories]
    skills = tuple(dict.fromkeys(categories))
    pairs = released.instance_id_to_skill_category.items()
    ids = {id: category.descriptive_name for id, category in pairs}
    _require_listed(skills, ids.values())
    texts = {}
    for labeled in released.labeled_instructions:
        if labeled.instance_id in ids:
            texts[labeled.instruction] = ids[labeled.instance_id]
    return SkillFile(skills=skills, descriptions={}, ids=ids, texts=_canonical(texts))


def _require_listed(skills: tuple[str, ...], used: Any) -> None:
    """Checks that skills have names, which are all listed.

    Raises:
        ValueError: they are not.
    """
    if len({*skills}) < len(skills) or not all(skill.strip() for skill in skills):
        raise ValueError("lists a skill twice, or one without a name")
    unlisted = sorted({*used} - {*skills})
    if unlisted:
        raise ValueError(f"uses the skill '{unlisted[0]}', which is not among those that it lists")


def _canonical(texts: Mapping[str, str]) -> dict[str, str]:
    return {canonical(text, WORDS): skill for text, skill in texts.items()}
