"""Skills are made from shown items; hidden ones are assigned each alone, and nothing but a name of the list leaves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.gym.skills.gold import Gold
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.records.files import read, write_rows
from dataenvgym_spec.records.items import Item
from tests.support.golden import Workshop, component, items

GROUPS = ("gcd", "sum")


class Curious(Gold):
    """Keeps whatever it is handed, and a list of its own that outlives its copies."""

    everything: list[Item]

    def __init__(self) -> None:
        self.everything = []
        self.latest: Item | None = None

    def discover(self, items: Sequence[Item]) -> Discovered:
        self.everything += items
        return super().discover(items)


class Carrying(Curious):
    """Says of an item what the one before was."""

    def assign(self, item: Item, skills: Discovered) -> str:
        self.everything.append(item)
        return self.everything[-2].group


class Forgetful(Curious):
    """The same by attributes of its own."""

    def assign(self, item: Item, skills: Discovered) -> str:
        before, self.latest = self.latest, item
        skills.items["noted"] = item.input
        assert before is None and len(skills.items) == 2 * 3 + 1
        return item.group


class Naming(Curious):
    """Names a skill by a hidden item."""

    def assign(self, item: Item, skills: Discovered) -> str:
        return item.input


class Asking(Curious):
    """Asks a teacher, which answers in another order and knows nothing of one of the items."""

    def __init__(self, teacher: Any = None) -> None:
        super().__init__()
        self.teacher = self if teacher is None else teacher

    def assign(self, item: Item, skills: Discovered) -> str | Ask:
        return item.group if item.group == "gcd" else Ask.of("which", item.input)

    def answer(self, asks: Sequence[Ask]) -> Any:
        for ask in reversed(asks):
            usable = ask is not asks[0]
            yield Reply(
                ask=ask.id, text="sum", tokens={}, model="m", finish="stop" if usable else "length"
            )

    def read(self, reply: Reply, skills: Discovered) -> str:
        return reply.text if reply.usable else skills.skills[0]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Feedback of six shown and eighteen hidden items; the discovery is the latest of `made`."""
    shop = Workshop(tmp_path)
    every = items()
    for port, rows in (
        ("shown", every[::4]),
        ("hidden", [item for item in every if item not in every[::4]]),
    ):
        (tmp_path / "feedback" / "out" / port).mkdir(parents=True)
        write_rows(tmp_path / "feedback" / "out" / port / "items.jsonl", rows)
    shop.outs["feedback"] = tmp_path / "feedback" / "out"
    return shop


def run(shop: Workshop, made: Any, monkeypatch: pytest.MonkeyPatch) -> Discovered:
    """What both stages make of a discovery."""
    monkeypatch.setattr(Context, "make", lambda *_: made)
    plain = {"discover": component("discovery", "gold")}
    shown, hidden = (("items", "feedback", port) for port in ("shown", "hidden"))
    shop.run("skills", "skills", plain, (shown,))
    out = shop.run("assign", "assign", plain, (("skills", "skills", "skills"), shown, hidden))
    return read(out / "skills" / "skills.json", Discovered)


def test_a_discovery_sees_shown_items_only_and_every_item_gets_a_skill(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Curious()
    found = run(shop, made, monkeypatch)
    assert [item.id for item in made.everything] == [item.id for item in items()[::4]]
    assert found.skills == GROUPS and found.items == {item.id: item.group for item in items()}


def test_of_hidden_items_groups_of_the_source_tell_the_group_alone(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Curious()
    monkeypatch.setattr(Context, "make", lambda *_: made)
    reads = [("items", "feedback", port) for port in ("shown", "hidden")]
    shop.run("skills", "skills", {"discover": component("discovery", "gold")}, tuple(reads))
    shown, hidden = made.everything[:6], made.everything[6:]
    assert all(item.input and item.target for item in shown)
    assert len(hidden) == 18
    for item in hidden:
        bare = Item(id=item.id, input="", target="", group=item.group, cluster="")
        assert item == bare


@pytest.mark.parametrize(
    ("discovery", "said"),
    [(Naming, "to no skill that was found"), (Carrying, "otherwise after other items")],
)
def test_what_would_tell_of_hidden_items_is_refused(
    discovery: Callable[[], Any], said: str, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StageError, match=said):
        run(shop, discovery(), monkeypatch)


def test_nothing_that_a_discovery_notes_outlives_an_item(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(shop, Forgetful(), monkeypatch)
    assert found.items == {item.id: item.group for item in items()}


def test_questions_about_items_are_answered_apart_in_any_order(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(shop, Asking(), monkeypatch)
    first = next(item for item in items() if item.group == "sum" and item not in items()[::4])
    expected = {item.id: item.group for item in items()} | {first.id: "gcd"}
    assert found.items == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"items": {}}, "gave 6 of 6 items no skill"),
        ({"skills": ("sum",)}, "uses the skill 'gcd', which it does not list"),
        ({"descriptions": {"lcm": "multiples"}}, "uses the skill 'lcm'"),
        ({"skills": ("gcd", "sum", "sum")}, "two skills one name"),
        ({"skills": ("gcd", "sum", "")}, "two skills one name, or a skill none"),
    ],
)
def test_what_is_found_is_whole(
    change: dict[str, Any], said: str, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Partial(Gold):
        def discover(self, items: Sequence[Item]) -> Discovered:
            return msgspec.structs.replace(super().discover(items), **change)

    with pytest.raises(StageError, match=said):
        run(shop, Partial(), monkeypatch)
