"""The noise floor beside every difference: page, metrics, terminal, MLflow and notebook say the same."""

from __future__ import annotations

import csv
import io
import json
from html import escape
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from dataenvgym_spec import load
from dataenvgym_spec.cli.report import command
from dataenvgym_spec.questions.power import measured_noise
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import noise
from dataenvgym_spec.report.exports import csv_files, tables
from dataenvgym_spec.report.formats import latex
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.evidence.contrasts import contrasted, weigh
from dataenvgym_spec.results.evidence.floor import Part
from dataenvgym_spec.results.evidence.tails import quantile
from dataenvgym_spec.results.noise import CHOICE, UNKNOWN, noise_floor, of_change, within
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import plans_of, project
from dataenvgym_spec.track.runs import ExperimentRecord
from tests.support.copied import MOVED, Copied, Everything
from tests.support.reported import SKILLS, Store


def opened(folder: Path, moved: dict[str, tuple[int, ...]], **more: Any) -> Notebook:
    return load("tiny", Copied(folder, moved, **more).write().root)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    return opened(tmp_path_factory.mktemp("both") / "repo", MOVED)


def test_the_floor_is_what_copies_say_of_their_student(both: Notebook) -> None:
    floor = noise_floor(both)
    assert floor is not None and floor.reevaluate is not None and floor.retrain is not None
    assert floor.items == 30 and floor.missing == 0
    assert floor.reevaluate.sd == 0
    assert floor.retrain.sd == pytest.approx(0.1)
    assert (floor.retrain.low, floor.retrain.high) == pytest.approx((-0.1, 0.1))
    assert floor.varied == (
        "order and batches of evaluation",
        "order of examples in training",
        "seeds of training",
    )
    assert set(floor.not_measured) == {
        "the choice of the best iteration", "what the agent generates", "the base student",
        "machine", "versions of libraries",
    }  # fmt: skip


def test_the_floor_stands_beside_every_difference(both: Notebook) -> None:
    width = quantile(0.05, 2) * 0.1 * 2**0.5
    found = study(both)
    text, content = page(found), json.loads(metrics(found))
    said = f"Noise floor: {100 * width:.1f} points"
    assert text.count(said) == len(found.contrasts) == 1
    assert "this one is within it" in text
    assert (
        "Not measured: the choice of the best iteration, what the agent generates, the base" in text
    )
    assert "<h2>Noise floor</h2>" in text
    (contrast,) = content["contrasts"].values()
    assert contrast["noise_floor"] == pytest.approx(width, abs=1e-5)
    assert content["noise"]["retrain"]["deviation"] == pytest.approx(0.1)
    assert content["noise"]["reevaluate"]["deviation"] == 0
    assert content["noise"]["varied"][0] == "order and batches of evaluation"
    # Of two runs of teaching, each against the untaught student.
    gain = f'<td class="n">{100 * quantile(0.05, 2) * 0.1:.1f}</td>'
    assert text.count(gain) == 2


def test_where_nobody_is_chosen_no_choice_was_left_as_it_was(tmp_path: Path) -> None:
    layout = Copied(tmp_path / "repo", MOVED).write()
    path = layout.index("tiny")
    index = json.loads(path.read_text(encoding="utf-8"))
    for change in (
        {"contrasts": [{**index["contrasts"][0], "student": "last"}]},
        {"contrasts": []},
    ):
        write_json(path, {**index, **change})
        floor = noise_floor(load("tiny", layout.root))
        assert floor is not None and CHOICE not in floor.not_measured


def test_a_terminal_says_it_too(both: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(both.layout.root)
    said = " ".join(CliRunner().invoke(command, ["tiny"]).output.split())
    assert f"Noise floor: {100 * quantile(0.05, 2) * 0.1 * 2**0.5:.1f} points" in said
    assert "trained again 2 times" in said
    assert "Not measured: the choice of the best iteration, what the agent" in said


def test_scores_that_were_equal_are_a_measured_zero(tmp_path: Path) -> None:
    found = study(opened(tmp_path / "repo", {"reevaluate": (0, 0), "retrain": (0, 0)}))
    said = (
        "Noise floor: 0.0 points; varied were order and batches of evaluation, order of examples "
        "in training, seeds of training, and scores were equal."
    )
    assert said in page(found)


def test_evaluations_alone_are_no_floor_of_students_that_were_taught(tmp_path: Path) -> None:
    results = opened(tmp_path / "repo", {"reevaluate": (0, 0)})
    floor, found = noise_floor(results), study(results)
    assert floor is not None and "order of examples in training" in floor.not_measured
    (contrast,) = found.contrasts
    assert noise.floor_of(floor, contrast.question, contrast.weighed) == noise.NOT_MEASURED
    text = page(found)
    assert noise.NOT_MEASURED in text and "0.0 points;" not in text
    assert text.count('<td class="n">not measured</td>') >= 2
    (told,) = csv.DictReader(io.StringIO(csv_files(found)["contrasts.csv"]))
    (row,) = json.loads(metrics(found))["contrasts"].values()
    assert told["noise_floor"] == row["noise_floor"] == UNKNOWN
    assert UNKNOWN in latex(tables(found)["contrasts"])
    record = project(results)
    assert not [key for _, key in values(record) if key.endswith("_noise_floor")]
    (summary,) = [run for run in record.runs if run.id == "tiny/with-state/summary"]
    tags = dict(summary.tags)
    assert tags["noise floor"] == "measured of evaluation only"
    assert tags["test/best minus best of no-state noise floor"] == UNKNOWN
    content = json.loads(metrics(found))
    assert content["noise"]["retrain"] is None
    assert content["noise"]["reevaluate"]["deviation"] == 0
    assert "trained again: not measured" in noise.spread_sentence(floor)


def test_what_was_not_measured_is_never_zero(tmp_path: Path) -> None:
    """A training alone that was done again says nothing of the untaught student; and copies that are not there say nothing."""
    results = opened(tmp_path / "trained", {"retrain": (1, 2)})
    text = page(study(results))
    assert text.count('<td class="n">not measured</td>') >= 2
    (tmp_path / "none").mkdir()
    waiting = load("tiny", Copied(tmp_path / "none" / "repo", {"retrain": ()}).write().root)
    floor = noise_floor(waiting)
    assert floor is not None and floor.n == 0
    (contrast,) = study(waiting).contrasts
    assert noise.floor_of(floor, contrast.question, contrast.weighed) == noise.NOT_MEASURED
    assert noise.NOT_MEASURED in page(study(load("tiny", Store(tmp_path / "plain").write().root)))


def test_a_training_that_had_nothing_to_learn_is_no_copy(tmp_path: Path) -> None:
    results = opened(tmp_path / "repo", {"retrain": (0, 3)})
    log = results.layout.stage("train-train-retrain-1") / "log" / "run.json"
    write_json(log, {**json.loads(log.read_text(encoding="utf-8")), "stayed": True})
    floor = noise_floor(load("tiny", results.layout.root))
    assert floor is not None and floor.retrain is not None
    assert (floor.retrain.n, floor.missing) == (1, 1)


def test_copies_that_ran_elsewhere_vary_the_machine(tmp_path: Path) -> None:
    results = opened(tmp_path / "repo", {"reevaluate": (0, 1)})
    log = results.layout.stage("evaluate-evaluate-reevaluate-1") / "log" / "run.json"
    write_json(log, {**json.loads(log.read_text(encoding="utf-8")), "gpu": "another"})
    floor = noise_floor(load("tiny", results.layout.root))
    assert floor is not None
    assert "machine" in floor.varied and "machine" not in floor.not_measured
    assert "versions of libraries" in floor.not_measured


def test_a_part_of_the_items_has_a_floor_of_its_own(tmp_path: Path) -> None:
    """Of few items a score varies more, and a part that no copy answered has no floor."""
    stored = Copied(tmp_path / "repo", {"reevaluate": (0, 0), "retrain": (1, 2)})
    results = load("tiny", stored.write().root)
    floor = noise_floor(results)
    assert floor is not None and floor.retrain is not None
    own = [row["correct"] for row in stored.scores(30, "with-state", 0, 3)]
    # The answers of copies, whose first items are right; of every third item each is of one skill.
    copies = [[place < sum(own) + more for place in range(30)] for more in (0, 0, 1, 2)]

    def deviation(which: slice, place: int) -> float:
        """That of the skill; and if few of its items moved, that of all items for so many."""
        of_all = stdev(fmean(right) for right in [own, *copies[which]])
        mine = stdev(fmean(right[place::3]) for right in [own, *copies[which]])
        return max(mine, of_all * 3**0.5)

    def width(**part: Any) -> float | None:
        asked = msgspec.structs.replace(results.index.contrasts[0], **part)
        return within(floor, asked, items=20 if part else 60)

    shown = page(study(results))
    for place, skill in enumerate(SKILLS):
        part = floor.of_part(Part(arm="with-state", skill=skill))
        assert part is not None and part.items == 10
        assert part.reevaluate_sd == pytest.approx(deviation(slice(2), place))
        assert part.retrain_sd == pytest.approx(deviation(slice(2, 4), place))
        assert part.difference() == width(skill=skill)
        # What teaching changed in it stands beside that.
        (row,) = [row for row in shown.split("<tr>") if f'with-state</th><td class="long">{escape(skill)}</td>' in row and row.count("<td") == 8]  # fmt: skip
        assert row.rstrip().endswith(f'<td class="n">{noise.cell(part.difference(second=False))}</td></tr>')  # fmt: skip
    all_items = width()
    assert all_items is not None and width(skill=SKILLS[0]) is not None
    assert all(width(skill=skill) >= 3**0.5 * all_items - 1e-9 for skill in SKILLS)
    assert width(skill="another") is None
    assert width(slice=(("of", "nothing"),)) is None


def test_a_difference_on_fewer_items_has_a_wider_floor(tmp_path: Path) -> None:
    """Copies answered 30 items of selection; here the sealed test has 10."""
    results = opened(tmp_path / "repo", MOVED)
    for path in results.layout.store.rglob("test/results.jsonl"):
        rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if int(json.loads(row)["id"], 16) < 10]
        path.write_text("".join(kept), encoding="utf-8")
    found = study(load("tiny", results.layout.root))
    text = page(found)
    (contrast,) = found.contrasts
    assert contrast.items == 10
    width = quantile(0.05, 2) * 0.1 * (2 * 3) ** 0.5
    assert f"Noise floor: {100 * width:.1f} points" in text
    (row,) = json.loads(metrics(found))["contrasts"].values()
    assert row["noise_floor"] == pytest.approx(width, abs=1e-5)
    gain = f'<td class="n">{100 * quantile(0.05, 2) * 0.1 * 3**0.5:.1f}</td>'
    assert text.count(gain) == 2, "fixed and broken answers, of two arms"


@pytest.mark.parametrize("greedy", [(), ("no-state",), ("no-state", "with-state")])
def test_of_drawn_answers_each_run_has_its_own_of_the_base(
    tmp_path: Path, greedy: tuple[str, ...]
) -> None:
    layout = Copied(tmp_path / "repo", {"reevaluate": (1, -1), "retrain": (2, -2)}).write()
    path = layout.index("tiny")
    index = json.loads(path.read_text(encoding="utf-8"))
    for arm, settings in index["settings"].items():
        temperature = 0.0 if arm in greedy else 0.7
        settings.setdefault("student", {})["generate"] = {"temperature": temperature}
    write_json(path, index)
    floor = noise_floor(load("tiny", layout.root))
    assert floor is not None and floor.reevaluate is not None and floor.retrain is not None
    taught, base = floor.retrain.sd**2, floor.reevaluate.sd**2
    for arm in ("with-state", "no-state"):
        variance = taught / 4 + (base if arm in greedy else base / 4)
        said = of_change(floor, arm, items=30, runs=4)
        assert said == pytest.approx(quantile(0.05, 2) * variance**0.5)
    assert ("seeds of drawn answers" in floor.varied) == ("with-state" not in greedy)


def test_a_floor_of_greedy_copies_says_nothing_of_an_arm_that_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Copied(tmp_path / "repo", {"reevaluate": (1, -1), "retrain": (2, -2)}).write()
    path = layout.index("tiny")
    index = json.loads(path.read_text(encoding="utf-8"))
    before = noise_floor(load("tiny", layout.root))
    assert of_change(before, "no-state", items=30) is not None
    student = index["settings"]["no-state"].setdefault("student", {})
    student["generate"] = {"temperature": 0.7}
    write_json(path, index)
    results = load("tiny", layout.root)
    floor = noise_floor(results)
    assert of_change(floor, "no-state", items=30) is None
    assert of_change(floor, "with-state", items=30) == of_change(before, "with-state", items=30)
    (contrast,) = study(results).contrasts
    assert within(floor, contrast.question, items=30) is None
    assert not measured_noise(results), "nor is a plan for it"
    monkeypatch.chdir(layout.root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert "Noise floor: not measured." in told


def test_runs_that_count_as_one_have_the_floor_of_one(both: Notebook) -> None:
    contrast = study(both).contrasts[0]
    copies = weigh(dict.fromkeys((0, 1, 2), contrasted(both, contrast.question)[0]))
    assert len(copies.runs) == 3 and copies.replicates == 1
    floor = noise_floor(both)
    said = noise.floor_of(floor, contrast.question, copies)
    assert said == noise.floor_of(floor, contrast.question, contrast.weighed)
    assert "a mean over" not in said


def test_another_test_set_has_no_floor(tmp_path: Path) -> None:
    """No copy answers it, and its items are of another sort."""
    layout = Everything(tmp_path / "repo", MOVED).write()
    index = json.loads(layout.index("tiny").read_text(encoding="utf-8"))
    (declared,) = index["contrasts"]
    own = {**declared, "against": "with-state", "other": "base", "split": "elsewhere"}
    write_json(layout.index("tiny"), {**index, "contrasts": [declared, own]})
    results = load("tiny", layout.root)
    assert [one.split for one in measured_noise(results)] == ["test"]
    found = study(results)
    rows = json.loads(metrics(found))
    floors = [row["noise_floor"] for row in rows["contrasts"].values()]
    assert (floors[0] > 0, floors[1]) == (True, UNKNOWN)
    changes = [arm["best - base"]["noise_floor"] for arm in rows["probes"]["elsewhere"].values()]
    assert changes == [UNKNOWN, UNKNOWN]
    (summary,) = [run for run in project(results).runs if run.id == "tiny/with-state/summary"]
    key = "probe/elsewhere/best minus base of with-state"
    keys = {metric.key for metric in summary.metrics}
    assert f"{key}_p" in keys and f"{key}_noise_floor" not in keys
    assert dict(summary.tags)[f"{key} noise floor"] == UNKNOWN
    assert found.floor is not None
    assert "of other test sets it is not measured" in noise.whose(found.floor)


def values(record: ExperimentRecord) -> dict[tuple[str, str], float]:
    return {(run.id, one.key): one.value for run in record.runs for one in run.metrics}


def test_tracking_shows_it_in_summaries_alone(both: Notebook) -> None:
    found = {place: value for place, value in values(project(both)).items() if "noise" in place[1]}
    assert {run for run, _ in found} == {"tiny/with-state/summary"}
    assert found["tiny/with-state/summary", "noise/retrain_deviation"] == pytest.approx(0.1)
    assert found["tiny/with-state/summary", "noise/reevaluate_deviation"] == 0
    beside = found["tiny/with-state/summary", "test/best minus best of no-state_noise_floor"]
    assert beside == pytest.approx(quantile(0.05, 2) * 0.1 * 2**0.5)
    (summary,) = [run for run in project(both).runs if run.id == "tiny/with-state/summary"]
    assert "machine" in dict(summary.tags)["noise not measured"]


def test_tracking_waits_for_all_copies(tmp_path: Path) -> None:
    results = opened(tmp_path / "repo", MOVED)
    log = results.layout.stage("evaluate-evaluate-retrain-2") / "log" / "run.json"
    log.unlink()
    waiting = load("tiny", results.layout.root)
    assert not [place for place in values(project(waiting)) if "noise" in place[1]]


def test_copies_change_the_plan_of_summaries_alone(both: Notebook, tmp_path: Path) -> None:
    plain = plans_of(load("tiny", Store(tmp_path / "plain").write().root))
    assert {name for name, plan in plans_of(both).items() if plain[name] != plan} == {
        "tiny/with-state/summary",
        "tiny/no-state/summary",
    }


def test_a_notebook_has_the_copies(both: Notebook) -> None:
    rows = both.noise()
    assert [(row.copy_of, row.number, row.correct) for row in rows] == [
        ("student", 0, rows.rows[0].correct),
        *(("reevaluate", number, rows.rows[0].correct) for number in (1, 2)),
        ("retrain", 1, rows.rows[0].correct + 3),
        ("retrain", 2, rows.rows[0].correct - 3),
    ]
    assert rows.rows[3].difference == pytest.approx(0.1)
    assert len(load("tiny", both.layout.root).noise()) == 5


def test_copies_are_in_no_table_of_students(both: Notebook, tmp_path: Path) -> None:
    plain = load("tiny", Store(tmp_path / "plain").write().root)
    assert list(both.scores()) == list(plain.scores())
    assert [(row.arm, row.iteration) for row in both.students()] == [
        (row.arm, row.iteration) for row in plain.students()
    ]


def test_a_plan_knows_what_copies_came_to(both: Notebook, tmp_path: Path) -> None:
    (measured,) = measured_noise(both).values()
    assert measured.deviation is not None
    # Scores vary by 0.1 in all, and 30 items by themselves make them vary a little.
    alone = measured.discordance / 60
    assert measured.deviation == pytest.approx((0.01 - alone) ** 0.5)
    assert 0.1 <= measured.discordance <= 1
    plain = load("tiny", Store(tmp_path / "plain").write().root)
    assert not measured_noise(plain)
    again = opened(tmp_path / "again", {"reevaluate": (0, 1)})
    assert not measured_noise(again)
