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
from dataenvgym_spec.records.quality import SkillQuality
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


class Falling(Curious):
    """Knows one skill, and falls back for all else."""

    def discover(self, items: Sequence[Item]) -> Discovered:
        names = {item.id: self.assign(item, Discovered.of({})) for item in items}
        return Discovered.of(names, fallback="rest")

    def assign(self, item: Item, skills: Discovered) -> str:
        return "sum" if item.group == "sum" else "rest"


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


def measured(shop: Workshop, stage: str) -> SkillQuality:
    """What a stage says of the quality of its skills."""
    return read(shop.outs[stage].parent / "log" / "quality.json", SkillQuality)


def test_a_fallback_that_no_shown_item_has_is_no_skill_and_its_items_are_left_out(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [item for item in items() if item.group == "sum"]
    write_rows(shop.outs["feedback"] / "shown" / "items.jsonl", rows[:6])
    rest = [item for item in items() if item not in rows[:6]]
    write_rows(shop.outs["feedback"] / "hidden" / "items.jsonl", rest)
    found = run(shop, Falling(), monkeypatch)
    assert found.skills == ("sum",)
    assert found.items == {item.id: "sum" for item in rows}
    whole = measured(shop, "assign")
    assert (whole.items, whole.left_out, whole.skills) == (24, 24 - len(rows), 1)
    assert whole.coverage == pytest.approx(len(rows) / 24)


def test_the_quality_is_measured_on_what_each_stage_names(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(shop, Falling(), monkeypatch)
    assert found.skills == ("rest", "sum") and len(found.items) == 24
    shown, whole = measured(shop, "skills"), measured(shop, "assign")
    assert (shown.items, whole.items, whole.left_out) == (6, 24, 0)
    assert shown.agreement == whole.agreement == 1
    assert shown.coverage == sum(item.group == "sum" for item in items()[::4]) / 6


def test_no_port_says_more_of_hidden_items_than_names(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shop, Falling(), monkeypatch)
    written = [path for path in shop.outs["assign"].rglob("*") if path.is_file()]
    assert [path.name for path in written] == ["skills.json"]
    text = written[0].read_text(encoding="utf-8")
    assert not any(item.input in text for item in items())


def test_labels_of_a_split_name_every_item_and_no_other(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fallback is named even where no plan knows it: the report shows what is left."""
    rows = [item for item in items() if item.group == "sum"]
    write_rows(shop.outs["feedback"] / "shown" / "items.jsonl", rows[:6])
    monkeypatch.setattr(Context, "make", lambda *_: Falling())
    plain = {"discover": component("discovery", "gold")}
    shop.run("skills", "skills", plain, (("items", "feedback", "shown"),))
    sealed = [item for item in items() if item not in rows[:6]]
    (shop.outs["feedback"] / "test").mkdir()
    write_rows(shop.outs["feedback"] / "test" / "items.jsonl", sealed)
    reads = (("skills", "skills", "skills"), ("items", "feedback", "test"))
    out = shop.run("label", "label", {**plain, "split": "test"}, reads)
    found = read(out / "test" / "labels.json", Discovered)
    assert found.skills == ("sum", "rest")
    assert found.items == {item.id: "sum" if item.group == "sum" else "rest" for item in sealed}
    assert measured(shop, "label").left_out == sum(item.group != "sum" for item in sealed)


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
