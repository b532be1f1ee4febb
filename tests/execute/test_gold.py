"""Gold answers that score wrong after the round trip through JSON are left out, counted and shown."""

import json
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import gold as gold_module
from dataenvgym_spec.execute.drawing import draw
from dataenvgym_spec.execute.gold import Gold
from dataenvgym_spec.gym.tasks.protocol import Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.files import read_rows
from dataenvgym_spec.records.items import Item
from tests.support.golden import Workshop, component
from tests.support.odd import scorer

LANE = (0.0, 0.5)


class Listed:
    """A finite source; some of its answers lack the mark of the final one."""

    procedural = False

    def __init__(self, every: int) -> None:
        self.every = every

    def groups(self) -> list[str]:
        return ["a", "b"]

    def stream(self, group: str, seed: int):
        for n in range(200):
            target = "A: " if n % self.every == 0 else f"A: {n}"
            yield Item(
                id=f"{group}{n}",
                input=f"{group}{n}",
                target=target,
                group=group,
                cluster=f"{group}{n}",
            )


def gold(kind: str = "exact-match", share: float = 0.02) -> Gold:
    options = {"after": "A:"} if kind == "exact-match" else {}
    named = scorer(kind, int(definition("scorer", kind).version()), **options)
    return Gold(judge=Judge(named), computed=True, share=share)


def drawn(source, judge: Gold, **amount: int) -> list[Item]:
    return draw(source, Draw(**amount), role="test", lane=LANE, seed=0, gold=judge)


def test_items_whose_gold_answer_is_wrong_are_left_out_and_the_amount_is_kept() -> None:
    few = Listed(60)
    judge = gold(share=0.05)
    items = drawn(few, judge, per_group=60)
    assert len(items) == 120 and "A: " not in {item.target for item in items}
    assert judge.left_out and {row.target for row in judge.left_out} == {"A: "}
    assert {row.reason for row in judge.left_out} == {"cannot be read"}
    assert f"{len(judge.left_out)} of {120 + len(judge.left_out)} gold answers" in judge.words(120)
    fewer = drawn(few, gold(share=0.05), per_group=20)
    for group in few.groups():
        old = [item for item in fewer if item.group == group]
        assert [item for item in items if item.group == group][:20] == old
    assert len(drawn(few, gold(share=0.05), items=50)) == 50


def test_answers_are_judged_in_blocks_of_which_each_gives_what_one_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, parts = gold(share=0.05), gold(share=0.05)
    expected = drawn(Listed(60), whole, per_group=60)
    asked: list[int] = []
    score = Judge.score_gold

    def noting(self: Judge, items: list[Item], *, computed: bool) -> list[Score]:
        asked.append(len(items))
        return score(self, items, computed=computed)

    monkeypatch.setattr(Judge, "score_gold", noting)
    monkeypatch.setattr(gold_module, "BLOCK", 25)
    assert drawn(Listed(60), parts, per_group=60) == expected
    assert parts.left_out == whole.left_out
    assert max(asked) == 25 and sum(asked) == 120 + len(parts.left_out)


def test_a_source_with_too_many_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(
        StageError, match=r"gold answers of group 'a' score wrong; .* cannot be read"
    ) as caught:
        drawn(Listed(5), gold(), per_group=60)
    assert "task.wrong_gold" in caught.value.help
    with pytest.raises(StageError, match="of the source score wrong"):
        drawn(Listed(5), gold(), items=60)
    assert len(drawn(Listed(5), gold(share=0.5), per_group=60)) == 120
    with pytest.raises(StageError, match="score wrong"):
        drawn(Listed(60), gold(share=0.0), per_group=60)


@pytest.mark.parametrize("name", ["arc_agi", "boxnet"])
def test_a_data_set_that_does_not_survive_json_is_refused(name: str) -> None:
    """Its scorer compares tuples with lists, or never gives its own answer 1."""
    with pytest.raises(StageError, match="gold answers of group 'g' score wrong"):
        drawn(ReasoningGym(families={"g": {"dataset": name}}), gold("reasoning-gym"), per_group=4)


def test_a_data_stage_lists_counts_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    rows = [{"q": f"{n}?", "a": "A: " if n % 40 == 0 else f"A: {n}"} for n in range(400)]
    rows += rows[:7]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    params = {
        "role": "test",
        "source": component("source", "jsonl", path="digest", fields={"input": "q", "target": "a"}),
        "score": component("scorer", "exact-match", after="A:"),
        "draw": {"items": 150},
        "lane": LANE,
        "seed": 0,
        "wrong_gold": 0.1,
    }
    shop = Workshop(folder=tmp_path)
    out = shop.run("test", "data", params, files={"digest": path})
    items = read_rows(out / "test" / "items.jsonl")
    listed = read_rows(out.parent / "log" / "left-out.jsonl")
    assert len(items) == 150 and {row["target"] for row in listed} == {"A: "}
    facts = shop.contexts["test"].facts
    assert 0 < facts["wrong_gold"] == len(listed)
    assert facts["skipped"] == {"repeated rows": 7}
    said = "\n".join(shop.said)
    assert f"{len(listed)} of {150 + len(listed)} gold answers score wrong" in said
    assert "7 repeated rows skipped" in said
