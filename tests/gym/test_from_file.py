"""The engine that gives rows of a file."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.checks.judge import judge
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.engines.from_file import FromFile, deal
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request
from tests.support.golden import assert_golden, requests
from tests.support.graphs import compiled, findings
from tests.support.specs import tiny

FIELDS = {"input": "q", "target": "a", "group": "g"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [{"q": f"{n} + 1", "a": n + 1, "g": ["sum", "gcd", "sum"][n % 3]} for n in range(12)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "made.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path / "made.jsonl"


def given_for(
    path: Path, asked: list[Request], seed: int = 0, order: str = "file", group: bool = True
) -> list[tuple[str, str, str]]:
    fields = {key: name for key, name in FIELDS.items() if group or key != "group"}
    engine = FromFile(path=path, fields=fields, sequence=order)
    made = engine.generate(asked, Tools(seed=seed))
    return [(one.asked_by, one.input, one.target) for one in made]


def test_the_engine_from_file_makes_what_its_number_says(path: Path) -> None:
    drawn = given_for(path, requests(sum=3, gcd=1), seed=5, order="seed")
    made = [given_for(path, requests(sum=3, gcd=1)), drawn]
    assert_golden("engine", "from-file", {1: "af1132eeff4e1c64"}, made)


def test_rows_come_in_the_order_of_the_file_and_of_the_skill_that_is_asked_for(path: Path) -> None:
    made = given_for(path, requests(gcd=1, sum=2))
    assert made == [
        *[("gcd", f"{n} + 1", str(n + 1)) for n in (1, 4, 7, 10)],
        *[("sum", f"{n} + 1", str(n + 1)) for n in (0, 2, 3, 5, 6, 8, 9, 11)],
    ]
    assert given_for(path, requests(unknown=2)) == []


def test_what_a_prompt_shows_of_a_row_is_in_its_column_of_metadata(path: Path) -> None:
    row = {"q": "1 + 1", "a": 2, "g": "sum", "m": {"numbers": [1, 1], "share": 0.5}}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    named = FromFile(path=path, fields={**FIELDS, "metadata": "m"}, sequence="file")
    (example,) = named.generate(requests(sum=1), Tools(seed=0))
    assert example.metadata == row["m"]
    unnamed = FromFile(path=path, fields=FIELDS, sequence="file")
    assert [one.metadata for one in unnamed.generate(requests(sum=1), Tools(seed=0))] == [{}]
    wrong = FIELDS | {"metadata": "a"}
    with pytest.raises(StageError, match="line 1 has a number in column 'a'") as caught:
        FromFile(path=path, fields=wrong, sequence="file")
    assert "an object" in caught.value.help


def test_rows_that_name_no_skill_are_dealt_to_all_requests(path: Path) -> None:
    made = given_for(path, requests(sum=2, gcd=1), group=False)
    assert sorted(made, key=lambda row: int(row[2])) == [
        (("sum", "sum", "gcd")[n % 3], f"{n} + 1", str(n + 1)) for n in range(12)
    ]


def test_the_seed_draws_where_the_spec_says_so(path: Path) -> None:
    one, again, other = (given_for(path, requests(sum=3), seed, "seed") for seed in (1, 1, 2))
    assert one == again != other and sorted(one) == sorted(other)
    assert given_for(path, requests(sum=3), 1) == given_for(path, requests(sum=3), 2)


def test_each_iteration_goes_on_where_the_one_before_ended(path: Path) -> None:
    engine, accepted, taught = (
        FromFile(path=path, fields=FIELDS, sequence="file"),
        list[Example](),
        [],
    )
    for amounts in ({"sum": 2, "gcd": 1}, {"sum": 3}):
        asked = requests(**amounts)
        candidates = list(engine.generate(asked, Tools(seed=0, existing=accepted)))
        # No check rejects what comes again: nothing does.
        verdict = judge(
            candidates, {one.id: one.count for one in asked}, [], Sight(scorer=ExactMatch())
        )
        accepted += verdict.accepted
        taught.append([one.input for one in verdict.accepted])
    assert taught == [["0 + 1", "2 + 1", "1 + 1"], ["3 + 1", "5 + 1", "6 + 1"]]


@given(st.integers(0, 30), st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_the_first_rows_make_up_what_is_asked_for(rows: int, counts: list[int]) -> None:
    items = [Item(id=str(n), input="", target="", group="", cluster="") for n in range(rows)]
    asked = [Request(id=f"r{n}", count=count, skill="s") for n, count in enumerate(counts)]
    dealt = deal(items, asked)
    every = [item.id for mine in dealt.values() for item in mine]
    assert len(every) == len(set(every)) == (rows if sum(counts) else 0)
    first = [item.id for one in asked for item in dealt[one.id][: one.count]]
    assert set(first) == {str(n) for n in range(min(rows, sum(counts)))}


EXACT = {"score": {"kind": "exact-match"}}
"""What can judge a row of a file: it has no verifier."""


def engine(**more: object) -> dict[str, object]:
    options = {"kind": "from-file", "path": "made.jsonl", "fields": FIELDS, **more}
    return options | {"teacher": None, "oversample": None}


def test_the_content_of_the_file_is_in_the_key(path: Path, tmp_path: Path) -> None:
    text = tiny(task=EXACT, agent={"engine": engine()}, loop={"teach": {"examples": 6}})
    text = text.replace("lcm", "gcd")

    def keys() -> set[str]:
        return {one.id for one in compiled(tmp_path, text).stages if one.kind == "generate"}

    before = keys()
    path.write_text(path.read_text(encoding="utf-8").replace("0 + 1", "0 + 2"), encoding="utf-8")
    assert keys() != before


@pytest.mark.parametrize(
    ("fields", "group", "examples", "said"),
    [
        (FIELDS, "gcd", 6, None),
        (FIELDS, "gcd", 7, "in 2 iterations, none of them twice, and 'made.jsonl' has 12 rows"),
        (FIELDS, "lcm", 6, "no row of 'made.jsonl' is of the skill 'lcm' of 'problems'"),
        ({"input": "q", "target": "b"}, "gcd", 6, "no row of 'made.jsonl' has a column 'b'"),
    ],
)
def test_what_a_file_does_not_hold_is_told_before_anything_runs(
    fields: dict[str, str],
    group: str,
    examples: int,
    said: str | None,
    path: Path,
    tmp_path: Path,
) -> None:
    made = {"engine": engine(fields=fields)}
    text = tiny(task=EXACT, agent=made, loop={"teach": {"examples": examples}}).replace(
        "lcm", group
    )
    told = [finding.message for finding in findings(tmp_path, text)]
    assert told == [] if said is None else said in told[0] and len(told) == 1, told


def test_a_worse_answer_may_stand_beside_the_answer(path: Path) -> None:
    rows = [{"q": f"{n} + 1", "a": n + 1, "w": n} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = {"input": "q", "target": "a", "worse": "w"}
    made = list(
        FromFile(path=path, fields=fields, sequence="file").generate(requests(sum=3), Tools(seed=0))
    )
    assert [(one.target, one.rejected) for one in made] == [("1", "0"), ("2", "1"), ("3", "2")]
    plain = {"input": "q", "target": "a"}
    (first, *_) = FromFile(path=path, fields=plain, sequence="file").generate(
        requests(sum=3), Tools(seed=0)
    )
    assert "rejected" not in first.plain()
