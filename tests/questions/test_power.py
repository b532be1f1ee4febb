"""What `plan` says of each contrast before anything runs: from the graph, and from splits that are drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec import load
from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.power import power_lines, power_records
from dataenvgym_spec.graph.ir import Use
from dataenvgym_spec.questions.power import (
    Expected,
    answered,
    expected,
    measured_noise,
    results_of,
)
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.basis import Measured
from dataenvgym_spec.results.evidence.contrasts import contrasted, weigh
from dataenvgym_spec.store.layout import Layout
from tests.support.answered import answer
from tests.support.graphs import compiled
from tests.support.repositories import call
from tests.support.specs import tiny

PAIR = {"arm": "with-state", "against": "no-state"}


def planned(
    folder: Path,
    *contrasts: dict[str, Any],
    measured: Measured | None = None,
    answers: dict[Question, dict[int, Sides]] | None = None,
    **sections: Any,
) -> tuple[Expected, ...]:
    """What contrasts of the small spec can find."""
    probes = {"elsewhere": {"from": "problems", "draw": {"per_group": 2}}}
    splits = {"test": {"draw": {"per_group": 18}}, "selection": {"draw": {"per_group": 8}}}
    task = {"task": {"splits": {**splits, "probes": probes}}}
    text = tiny(analysis={"contrasts": list(contrasts)}, **{**task, **sections})
    graph = compiled(folder, text)
    (entry,) = graph.entries
    copies = {} if measured is None else dict.fromkeys(entry.index.contrasts, measured)
    return expected(graph, entry, Layout(root=folder), copies, answers)


def test_items_runs_and_family_are_those_of_the_design(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        {**PAIR, "primary": True},
        {**PAIR, "split": "selection"},
        {**PAIR, "split": "elsewhere"},
        {**PAIR, "skill": "lcm"},
        seeds={"run": [0, 1, 2]},
    )
    assert [one.items for one in found] == [36, 16, 4, 18]
    assert [one.family for one in found] == [1, 3, 3, 3]
    assert {one.runs for one in found} == {3}
    least = [one.least for one in found]
    assert least[0] is not None and 0.1 < least[0] < 0.4
    assert least[1] is not None and least[1] > least[0]
    said = "\n".join(power_lines(found))
    assert "with-state - no-state, best (36 items, 3 runs)" in said
    assert "with-state - no-state, best, selection (16 items, 3 runs, Holm over 3 explor" in said
    assert "students differ in 20% of items (no two have answered them yet)" in said
    assert "run variance unknown: runs taken to differ by no more than their items make" in said
    assert f"at least {100 * least[0]:.1f}  with-state - no-state, best (36" in said


def test_one_run_says_items_only(tmp_path: Path) -> None:
    (found,) = planned(tmp_path, PAIR)
    said = "\n".join(power_lines([found]))
    assert said.endswith("items only; run variance unknown: at least so much")
    assert found.least is not None
    (row,) = power_records([found])
    assert (row["alpha"], row["power"], row["run_deviation"]) == (0.05, 0.8, None)
    assert row["least_points"] == pytest.approx(100 * found.least, abs=0.01)


def test_what_is_not_known_before_it_is_drawn_is_not_made_up(tmp_path: Path) -> None:
    rows = "".join(f'{{"q": "{n} + 1", "a": "{n + 1}"}}\n' for n in range(40))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    source = {"kind": "jsonl", "path": "rows.jsonl", "fields": {"input": "q", "target": "a"}}
    task = {
        "sources": {"rows": source},
        "splits": {"test": {"from": "rows", "draw": "all"}},
        "score": {"kind": "exact-match"},
    }
    (found,) = planned(tmp_path, PAIR, task=task)
    assert (found.items, found.least) == (None, None)
    assert " unknown  with-state - no-state, best (items are not known" in "\n".join(
        power_lines([found])
    )


def test_a_split_that_is_drawn_is_counted_with_its_clusters(tmp_path: Path) -> None:
    contrasts = (PAIR, {**PAIR, "skill": "lcm"}, {**PAIR, "slice": {"level": "1"}})
    assert [one.items for one in planned(tmp_path, *contrasts)][2] is None
    (folder,) = _drawn(tmp_path, *contrasts)
    rows = [
        {"id": f"{n}", "input": "?", "group": ("sum", "lcm")[n % 2], "cluster": f"c{n // 4}"}
        | {"slices": {"level": str(n % 3)}}
        for n in range(48)
    ]
    folder.mkdir(parents=True)
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = planned(tmp_path, *contrasts)
    assert [(one.items, one.clusters) for one in found] == [(48, 12), (24, 12), (16, 12)]
    said = "\n".join(power_lines(found))
    assert "(48 items, 12 clusters, each as one, 1 run, Holm over 3" in said
    assert "   about " in said, "a bound from above and one from below"
    assert said.endswith(
        "all items of a cluster are taken for one, which they may not be: at most so much"
    )
    (folder / "items.jsonl").write_text("half-writt")
    assert planned(tmp_path, PAIR)[0].items is None


def _drawn(folder: Path, *contrasts: dict[str, Any]) -> list[Path]:
    """Where the items of the sealed test will be."""
    splits = {"test": {"draw": {"per_group": 18}}, "selection": {"draw": {"per_group": 8}}}
    text = tiny(analysis={"contrasts": list(contrasts)}, task={"splits": splits})
    graph = compiled(folder, text)
    layout = Layout(root=folder)
    return [
        layout.stage(stage.directory) / "out" / "test"
        for stage in graph.stages
        if stage.kind == "data" and stage.params.role == "test"
    ]


def test_copies_say_how_runs_vary_and_not_how_far_two_arms_lie_apart(tmp_path: Path) -> None:
    seeds = {"run": [0, 1, 2]}
    floor = Measured(discordance=0.1, deviation=0.02)
    own = {"arm": "with-state", "against": "base"}
    one, base = planned(tmp_path, PAIR, own, measured=floor, seeds=seeds)
    assert one.basis.deviation == pytest.approx(0.02 * 2**0.5), "both students are taught"
    assert base.basis.deviation == pytest.approx(0.02), "the base is not"
    still, _ = planned(tmp_path, PAIR, own, measured=replace(floor, deviation=None), seeds=seeds)
    assert one.basis.discordance == 0.2, "of two arms: copies moved 10%"
    assert still.least is not None and one.least is not None and one.least > still.least
    said = "\n".join(power_lines([one, base]))
    assert "students differ in 20% of items (no two have answered them yet)" in said
    assert (
        "runs differ by 2.0 to 2.8 points as copies that are taught again do, and by what" in said
    )
    assert f"at least {100 * one.least:.1f}  with-state - no-state" in said
    (row, _) = power_records([one, base])
    assert (row["discordance_from"], row["run_deviation_from"]) == ("assumed", "copies")
    assert (row["too_low"], row["too_high"]) == (True, False)
    assert (power_records([still])[0]["run_deviation"], still.too_low) == (None, True)
    assert "runs differ by no more than their items make as copies" in "\n".join(
        power_lines([still])
    )


def test_what_both_arms_have_answered_takes_the_place_of_assumptions(tmp_path: Path) -> None:
    seeds = {"run": [0, 1, 2]}
    (bare,) = planned(tmp_path, PAIR, seeds=seeds)
    first = {str(n): n % 2 == 0 or n in (3, 9, 15) for n in range(36)}
    runs = {}
    for seed in (0, 1, 2):
        second = {item: mark is not (int(item) % 3 == seed % 2) for item, mark in first.items()}
        runs[seed] = Sides(first=_alone(first), second=_alone(second))
    one = {0: runs[0]}
    (partly,) = planned(tmp_path, PAIR, seeds=seeds, answers={bare.question: one})
    assert partly.basis.discordance == pytest.approx(1 / 3) and partly.too_low
    (known,) = planned(tmp_path, PAIR, seeds=seeds, answers={bare.question: runs})
    assert known.basis.source == known.basis.deviation_source == "answers"
    assert known.least is not None and bare.least is not None and known.least > bare.least
    said = "\n".join(power_lines([known]))
    assert (
        f"    {100 * known.least:.1f}  with-state - no-state, best (36 items, 3 runs, 33%" in said
    )
    assert "33% of items answered differently so far, runs differed by" in said
    alike = [replace(known, basis=replace(known.basis, deviation=None))]
    unseen = "\n".join(power_lines(alike))
    assert power_records(alike)[0]["run_deviation"] is None
    assert "so far, runs differed by no more than their items make)" in unseen
    assert "at least" in unseen, "what was not seen may be there"
    assert "assumed: two-sided tests at 5%" in said and "at least" not in said


def _alone(right: dict[str, bool]) -> Answers:
    return Answers(right=right, clusters={})


def _plan(repo: Path) -> dict[str, Any]:
    """What `dataenvgym plan` says of the power of the one contrast."""
    (row,) = json.loads(call("dataenvgym", "plan", "--json", cwd=repo).stdout)["power"]["tiny"]
    found: dict[str, Any] = row
    return found


def test_the_plan_of_a_finished_experiment_goes_by_its_answers(copy_of_finished: Path) -> None:
    row = _plan(copy_of_finished)
    assert (row["discordance_from"], row["items"]) == ("answers", 12)
    results = load("tiny", copy_of_finished)
    (question,) = results.index.contrasts
    ((_, pair),) = weigh(contrasted(results, question)).runs
    apart = (pair.gained + pair.lost) / pair.items
    assert row["discordance"] == pytest.approx(apart)
    said = call("dataenvgym", "plan", "tiny", cwd=copy_of_finished).stdout
    assert f", 1 run, {apart:.0%} of items answered differently so far" in said
    assert "no two have answered them yet" not in said


def test_a_plan_goes_by_what_runs_and_copies_have_answered(repo: Path) -> None:
    spec = repo / "specs" / "tiny.yaml"
    more = "seeds: {run: [0, 1, 2]}\nnoise: {retrain: 2}\n"
    spec.write_text(spec.read_text(encoding="utf-8") + more, encoding="utf-8")
    bare = _plan(repo)
    assert (bare["discordance_from"], bare["run_deviation_from"]) == ("assumed", None)
    project = load_project((), root=repo)
    graph, layout = project.compiled.graph, project.layout

    def right(item: int, use: Use, turn: int) -> bool:
        if use.copy is not None:
            return item >= 8 * use.copy.number
        return (item + use.seed * (use.arm == "no-state")) % 3 > 0

    answer(graph, layout, right, items=40)
    row = _plan(repo)
    assert (row["discordance_from"], row["run_deviation_from"]) == ("answers", "copies")
    assert row["discordance"] == pytest.approx(4 / 9, abs=0.01)
    # Runs agree to a point, but copies of one student do not.
    (floor,) = measured_noise(results_of(graph, graph.entries[0], layout)).values()
    assert floor.deviation is not None and floor.deviation > 0.05
    assert row["run_deviation"] == pytest.approx(floor.deviation * 2**0.5)
    for stage in graph.stages:
        if stage.kind == "select":
            (layout.stage(stage.directory) / "log" / "run.json").unlink()
    row = _plan(repo)
    assert (row["discordance_from"], row["run_deviation_from"]) == ("copies", "copies")


def test_what_is_damaged_says_nothing_of_power(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(analysis={"contrasts": [PAIR]}, noise={"retrain": 1}))
    layout = Layout(root=tmp_path)
    results = results_of(graph, graph.entries[0], layout)
    assert not measured_noise(results) and answered(results) == {results.index.contrasts[0]: {}}
    answer(graph, layout, lambda item, use, turn: item % 2 == 0, items=12)
    results = results_of(graph, graph.entries[0], layout)
    (runs,) = answered(results).values()
    assert len(runs[0].shared) == 12 and measured_noise(results)
    for path in layout.store.rglob("results.jsonl"):
        path.write_text("half-writt", encoding="utf-8")
    results = results_of(graph, graph.entries[0], layout)
    assert answered(results) == {} and not measured_noise(results)
