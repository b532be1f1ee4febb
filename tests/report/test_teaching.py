"""What the report says of teaching: trees, amounts, yields, the ledger and whole provenance, on the page and in a terminal."""

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from dataenvgym_spec.cli.report import command
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import drawing, tables
from dataenvgym_spec.report.page import page
from dataenvgym_spec.report.teaching import allocation_rows, ledger_rows, tree_rows, yield_rows
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.results.study import Study, study
from dataenvgym_spec.results.teachings import last_tree
from tests.support.taught import CHECKS, HOSTILE, LONG, Taught
from tests.support.tracked import ARMS, SKILLS, Store


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("taught")
    Taught(root, seeds=(0, 1))
    return load("tiny", root)


@pytest.fixture(scope="module")
def found(results: Results) -> Study:
    return study(results)


@pytest.fixture(scope="module")
def text(found: Study) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for figure in ("outcomes", "curves", "grid", "fates", "taught"):
            patch.setattr(drawing, figure, lambda *_, **__: "")
        return page(found)


def words(text: str) -> str:
    """What a reader sees of a page, with single spaces."""
    bare = re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def test_the_tree_has_a_row_a_skill_and_iteration(found: Study) -> None:
    rows = tree_rows(found.trees)
    assert [(row["iteration"], row["skill"]) for row in rows] == [
        (turn, skill) for turn in (1, 2) for skill in SKILLS
    ]
    first, empty, moved, unmeasured = rows
    assert {row["arm"] for row in rows} == {"with-state"} and first["seed"] == 0
    assert [sub["subskill"] for sub in first["subskills"]] == [LONG, f"big {HOSTILE}"]
    # Of the nine candidates in turn the first five were accepted.
    assert [sub["accepted"] for sub in first["subskills"]] == [3, 2]
    assert (first["allocation"], first["asked"], first["accepted"]) == (10, 5, 5)
    assert (first["accuracy"], first["items"]) == (0.5, 8)
    assert first["ci_low"] < 0.25 and first["ci_high"] > 0.75
    assert first["move"]["kind"] == "explore" and first["reward"] is None
    assert (empty["subskills"], empty["missing"], "accuracy" in empty) == ([], 2, False)
    assert moved["reward"] == 0.125 and moved["move"]["delta"] == {LONG: -2}
    assert unmeasured["reward"] == -0.05


def test_a_reward_is_that_of_the_first_plan_for_a_student(results: Results) -> None:
    """A second plan, of a further round, sees no new answers, and has none."""
    turn = results.runs[0].iterations[2]
    (plan,) = turn.of("plan")
    folder = plan.path.with_name("plan-second")
    shutil.copytree(plan.path, folder)
    file = folder / "out" / "plan" / "plan.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    for tree in content["tree"].values():
        del tree["reward"]
    content["tree"]["gcd"]["subskills"].pop()
    write_json(file, content)
    second = replace(plan, key="second", path=folder)
    trees = last_tree(replace(turn, stages=(*turn.stages, second)))
    assert trees is not None
    assert (trees["gcd"].reward, trees[SKILLS[1]].reward) == (0.125, -0.05)
    assert len(trees["gcd"].subskills) == 1


def test_people_read_the_tree_of_every_iteration(found: Study, text: str) -> None:
    first, second = tables.tree_tables(found.trees)
    assert first.title == "Iteration 1: 2 skills, 2 subskills; 5 asked for, 5 accepted"
    assert "#reward" not in first.head and "#reward" in second.head
    skill, inner, *_ = second.lines
    assert (skill.whole, inner.inner) == (True, True)
    assert skill.cells[-2:] == ("+12.5", f"exploit: {LONG[:39]}… -2")
    assert "50.0%" in skill.cells and inner.cells[:3] == (LONG, "4", "4")
    assert "2 wanted names that nobody proposed" in first.lines[3].cells[-1]
    assert "explore 2 more, 4 each; 5 examples beyond what is taught" in first.lines[0].cells
    said = words(text)
    assert "of the first of 2 runs (run seed 0)" in said
    section = text.partition("<h2>Skill trees</h2>")[2].partition("</section>")[0]
    # The last one stands open.
    assert re.findall(r"<details( open)?>", section) == ["", " open"]


def test_a_large_tree_is_cut_and_says_so(found: Study) -> None:
    (grown,) = found.trees
    turn = grown.turns[0]
    tree = turn.trees[SKILLS[0]]
    many = structs.replace(tree, subskills=tree.subskills * 20)
    wide = replace(turn, trees={f"s{n}": many for n in range(50)})
    (table,) = tables.tree_tables([replace(grown, turns=(wide,))])
    assert len(table.lines) == tables.MOST_SKILLS * (1 + tables.MOST_SUBSKILLS + 1)
    assert table.note == "10 further skills are not shown."
    assert table.lines[tables.MOST_SUBSKILLS + 1].cells[0] == "and 10 further subskills"


def test_the_allocation_says_who_got_how_much(found: Study) -> None:
    rows = {
        (row["arm"], row["iteration"], row["skill"], row["subskill"]): row
        for row in allocation_rows(found.amounts)
    }
    assert len(rows) == 2 * (2 + 2)
    seeing = rows["with-state", 1, SKILLS[0], LONG]
    assert (seeing["requests"], seeing["asked"], seeing["accepted"]) == (1, 4, 3)
    blind = rows["no-state", 2, SKILLS[1], None]
    assert (blind["requests"], blind["asked"], blind["accepted"]) == (1, 6, 2)
    first, second = tables.allocation_tables(found.amounts)
    assert (first.arm, second.arm) == ARMS
    assert first.lines[0].cells == (f"{SKILLS[0]} / {LONG}", "3 of 4", "3 of 4")


def test_reasons_are_those_of_the_first_run(found: Study) -> None:
    (table,) = tables.reason_tables(found.reasons)
    assert table.arm == "with-state"
    assert [line.cells[:3] for line in table.lines] == [("1", "gcd", "10"), ("2", "gcd", "10")]


def test_the_yield_is_a_funnel_in_the_order_of_checks(found: Study) -> None:
    rows = yield_rows(found.yields)
    assert [(row["arm"], row["iteration"]) for row in rows] == [
        (arm, turn) for arm in ARMS for turn in (1, 2)
    ]
    # Sums over two runs.
    row = rows[0]
    assert (row["requested"], row["candidates"], row["surplus"], row["judged"]) == (20, 18, 2, 16)
    assert [(step["check"], step["left"], step["rejected"]) for step in row["checks"]] == [
        ("scorable", 14, 2), ("duplicate", 10, 4), ("known", 10, 0),
    ]  # fmt: skip
    assert row["checks"][2]["noted"] == 4 and row["accepted"] == 10
    assert row["checks"][-1]["left"] == row["accepted"]
    assert CHECKS["overlap"] == "off"
    line = tables.yield_table(found.yields).lines[0].cells
    assert line == ("with-state", "1", "20", "18", "16", "14 (-2)", "10 (-4)", "10 (4 noted)", "10", "62.5%")  # fmt: skip


def test_the_ledger_adds_up_to_all(found: Study) -> None:
    rows = ledger_rows(found.accounts)
    total = found.ledger.total.cost
    for name in ("stages", "requests", "candidates", "accepted"):
        assert sum(row.get(name, 0) for row in rows) == getattr(
            total, "examples" if name == "accepted" else name
        )
    assert {row["arm"] for row in rows} == {*ARMS, None}
    places = [(row["arm"], row["iteration"]) for row in rows]
    assert places == sorted(set(places), key=places.index)
    turn = next(row for row in rows if (row["arm"], row["iteration"]) == ("no-state", 2))
    assert (turn["requests"], turn["retries"]) == (8, 2)
    assert turn["images"] == 6
    assert (turn["requested"], turn["candidates"], turn["accepted"]) == (20, 18, 10)
    assert turn["rejected"] == {"scorable": 2, "duplicate": 4, "surplus": 2}
    assert turn["tokens"]["cached"] == 200 and turn["calls"] == {"calls": 6, "unreadable": 2}
    spent, given = tables.ledger_tables(found.accounts)
    assert "#USD" not in spent.head and "#GPU time" not in spent.head
    assert spent.lines[-1].whole and given.lines[-1].whole
    first = dict(zip(given.head, given.lines[0].cells, strict=True))
    assert (first["#parsed"], first["not accepted"]) == ("18", "4 duplicate, 2 scorable, 2 surplus")
    assert first["calls of engines"] == "6 calls, 2 unreadable"


def test_what_cost_dollars_and_gpus_has_columns_for_them(found: Study) -> None:
    spent = replace(found.accounts[0], cost=Cost(stages=1, usd=0.126, gpu_seconds=61.0))
    table = tables.ledger_tables([spent, *found.accounts])[0]
    first = dict(zip(table.head, table.lines[0].cells, strict=True))
    assert (first["#USD"], first["#GPU time"]) == ("0.13", "1 min 01 s")


def test_examples_show_the_whole_chain_folded_and_escaped(text: str) -> None:
    section = text.partition("<h2>Some generated examples</h2>")[2].partition("</section>")[0]
    assert "<details open" not in section and section.count("<details>") == section.count(
        "<article"
    )
    assert "<script" not in section and "\u202e" not in section
    seeing, blind = section.split("<h3>")[1:]
    said, told = words(seeing), words(blind)
    chain = [
        "accepted · gcd / adding numbers", "An error of the student", "student 3 <script>", "with-state, plan: 50% right", "asked planner: decide/0", "user Which skill is next?", "reply gcd", "asked planner: decide/3", "and 2 further questions",
        "Request r1: 4 examples", "brief <script>", "with-state, generate, round 0, number 0, by openai (big-1)",
        "asked big: r/0", "system You write problems.", "user Prompt 0 <script>", "reply {", "with-state, check: accepted",
        "known noted right already", "Taught: with-state, train; with-state, train", "dataenvgym trace 10a",
    ]  # fmt: skip
    places = [said.find(part) for part in chain]
    assert -1 not in places and places == sorted(places), dict(zip(chain, places, strict=True))
    assert "rejected by duplicate: no <script>" in said
    # A blind arm saw no error and says no reason; what its teacher was asked is there all the same.
    assert "An error of the student" not in told and "50% right" not in told
    assert "planner" not in told and "decide/4" not in said
    assert "user Prompt 0 <script>" in told and "no-state, plan " in told
    assert "of the first run (run seed 0)" in told


@pytest.mark.parametrize("part", ["tree", "allocation", "yield", "ledger", "examples"])
def test_a_terminal_shows_each_part_and_programs_get_its_rows(
    part: str, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results.layout.root)
    monkeypatch.setenv("COLUMNS", "140")
    said = CliRunner().invoke(command, ["tiny", part], catch_exceptions=False).output
    marks = {
        "tree": ("run seed 0", "with-state: Iteration 2: 2 skills", "21.5 to 78.5%"),
        "allocation": ("means over 2 runs", "with-state: The agent's reasons", "3 of 4"),
        "yield": ("Sums over 2 runs", "scorable", "10 (4 noted)"),
        "ledger": ("What it took", "What came of it", "6 calls"),
        "examples": (
            "with-state, run seed 0",
            "10a accepted",
            "asked planner: decide/3",
            "and 2 further questions",
            "asked big: r/0",
        ),
    }
    for mark in marks[part]:
        assert mark in " ".join(said.split())
    assert "\u202e" not in said
    assert part == "examples" or max(map(len, said.splitlines())) <= 140
    rows = json.loads(
        CliRunner().invoke(command, ["tiny", part, "--json"], catch_exceptions=False).output
    )
    assert rows and all(row["arm"] in (*ARMS, None) for row in rows)


def test_a_part_of_an_experiment_that_has_just_begun_says_that_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Taught(tmp_path, upto=0, closed=False)
    monkeypatch.chdir(tmp_path)
    for part in ("tree", "allocation", "yield", "examples"):
        said = CliRunner().invoke(command, ["tiny", part], catch_exceptions=False).output
        assert said.startswith("Nothing to show: ")
    ledger = CliRunner().invoke(command, ["tiny", "ledger"], catch_exceptions=False).output
    assert "shared by arms" in ledger


def test_nothing_stands_where_there_is_nothing(tmp_path: Path) -> None:
    """An arm without an agent: no tree, no amounts, no candidates, no examples."""
    Store(tmp_path)
    path = tmp_path / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    at_work = ("plan", "generate", "check")
    for row in index["stages"]:
        if row["kind"] in at_work:
            row["uses"] = [use for use in row["uses"] if use["arm"] == "with-state"]
    index["stages"] = [row for row in index["stages"] if row["uses"]]
    kept = {row["key"] for row in index["stages"]}
    for row in index["stages"]:
        row["inputs"] = [key for key in row["inputs"] if key in kept]
    index["settings"]["no-state"]["data_from"] = {"arm": "with-state"}
    path.write_text(json.dumps(index), encoding="utf-8")
    found = study(load("tiny", tmp_path))
    assert {item.arm for item in found.yields} == {"with-state"}
    assert [one.arm for one in found.amounts] == ["with-state"]
    said = page(found)
    assert "<h2>Skill trees</h2>" not in said and "Why: the agent's reasons" in said
    for heading in ("What the data was about", "What became of the candidates", "Some generated"):
        section = said.partition(f"<h2>{heading}")[2].partition("</section>")[0]
        assert "<h3>with-state" in section and "<h3>no-state" not in section
    assert "no-state is taught what with-state accepted" in said
