"""The report on a store that is written file by file like the executors write it; nothing is trained."""

import csv
import html
import io
import json
import re
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.report import command
from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError
from dataenvgym_spec.execute.entry import _say_results, entry
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.report import noise, words
from dataenvgym_spec.report.extra import require
from dataenvgym_spec.report.metrics import headline, metrics, records
from dataenvgym_spec.report.page import page
from dataenvgym_spec.report.points import curve_files, curves_csv
from dataenvgym_spec.report.text import interval, percent, point_interval, points
from dataenvgym_spec.report.words import amounts, evidence, reading
from dataenvgym_spec.resolve.same_as import stamps
from dataenvgym_spec.results.evidence.contrasts import Comparison, Weighed
from dataenvgym_spec.results.evidence.statistics import paired
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.judging import Judging
from dataenvgym_spec.results.settings import describe
from dataenvgym_spec.results.stamps import mixed
from dataenvgym_spec.results.study import study
from dataenvgym_spec.results.wording import ONE_RUN
from tests.support.reported import ARMS, ITERATIONS, SKILLS, Store


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return load("tiny", Store(tmp_path_factory.mktemp("one") / "repo").write().root)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Runs whose scores differ, on different devices."""

    def right(item, arm, seed, iteration):
        return Store.learns(item, arm, seed, iteration) and not (iteration and item < 3 * seed)

    root = tmp_path_factory.mktemp("three") / "repo"
    store = Store(root, seeds=(0, 1, 2), devices=("cpu", "gpu"), right=right)
    return load("tiny", store.write().root)


@pytest.fixture(scope="module")
def text(one):
    return page(study(one))


def test_records(one):
    found = records(one)
    assert [(row["arm"], row["student"]) for row in found] == [
        (arm, student) for arm in ARMS for student in ("base", "best", "last")
    ]
    for row in found:
        assert {
            "arm",
            "seed",
            "student",
            "split",
            "accuracy",
            "ci_low",
            "ci_high",
            "items",
            "examples",
            "iteration",
        } <= row.keys()
        assert row["ci_low"] <= row["accuracy"] <= row["ci_high"]
        assert (row["split"], row["items"], row["seed"]) == ("test", 60, 0)
    base, best, last = found[:3]
    assert base["accuracy"] == sum(Store.learns(item, "", 0, 0) for item in range(60)) / 60
    assert last["accuracy"] == round(
        sum(Store.learns(item, "with-state", 0, 3) for item in range(60)) / 60, 6
    )
    assert (base["examples"], best["examples"], last["examples"]) == (0, 6 * best["iteration"], 18)


class WithBaseline(Store):
    """The untaught student is asked in another way as well, and is always right then."""

    def run(self, arm, seed):
        super().run(arm, seed)
        rows = [{**row, "correct": True, "score": 1.0} for row in self.scores(60, "", 0, 0)]
        self.stage("evaluate", "few", arm, seed, 0, {"test/results.jsonl": rows})
        self.stages["few"]["uses"][-1]["baseline"] = "few-shot"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_baseline_stands_beside_the_base_by_its_name(seeds, tmp_path):
    results = load("tiny", WithBaseline(tmp_path, seeds=seeds).write().root)
    students = ["base", "few-shot", "best", "last"]
    found = study(results)
    assert [row.student for row in found.outcomes] == students * len(ARMS) * len(seeds)
    assert [row.student for row in found.summaries] == students * len(ARMS)
    assert "few-shot" in page(found)
    for arm, scores in json.loads(headline(found)).items():
        if arm in ARMS:
            assert set(scores) == set(students)
            assert scores["few-shot"] == 1.0 > scores["base"]
    few = json.loads(metrics(found))["arms"]["with-state"]["few-shot"]
    assert (few["accuracy"], few["iteration"], few["examples"]) == (1.0, 0, 0)
    # The curves begin with the student that is taught, asked as it is.
    assert results.runs[0].iterations[0].results("test") == results.runs[0].sealed("base")


class WithMore(Store):
    """Another test set, of which teaching breaks half, and the sealed test by every student."""

    def run(self, arm, seed):
        super().run(arm, seed)
        rows = [{**row, "correct": True, "score": 1.0} for row in self.scores(8, "", 0, 0)]
        self.stage("evaluate", "p-base", arm, seed, 0, {"test/results.jsonl": rows})
        choice = self.layout.stage(f"select-c-{arm}-{seed}") / "out" / "choice" / "choice.json"
        best = json.loads(choice.read_text())["best"]
        half = [{**row, "correct": number % 2 == 0} for number, row in enumerate(rows)]
        half = [{**row, "iteration": turn} for turn in sorted({best, ITERATIONS}) for row in half]
        self.stage("evaluate", f"p-{arm}-{seed}", arm, seed, None, {"test/results.jsonl": half})
        for name in ("p-base", f"p-{arm}-{seed}"):
            self.stages[name]["uses"][-1]["probe"] = "elsewhere"
        for name in ("base-t", f"z-{arm}-{seed}"):
            path = self.layout.stage(f"evaluate-{name}") / "out" / "test" / "results.jsonl"
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            write_rows(path, [{**row, "slices": {"<level>": row["id"][-1]}} for row in rows])
        for number in range(1, ITERATIONS + 1):
            name, rows = f"e-{arm}-{seed}-{number}", self.scores(60, arm, seed, number)
            self.stage("evaluate", name, arm, seed, None, {"test/results.jsonl": rows})
            self.stages[name]["uses"][-1]["each"] = number


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_what_is_answered_for_the_report_alone_stands_apart(seeds, tmp_path):
    plain = load("tiny", Store(tmp_path / "plain", seeds=seeds).write().root)
    found = study(load("tiny", WithMore(tmp_path / "more", seeds=seeds).write().root))
    assert (found.outcomes, found.gains) == (study(plain).outcomes, study(plain).gains)
    assert [(one.probe, one.arm) for one in found.probed] == [("elsewhere", arm) for arm in ARMS]
    for one in found.probed:
        assert [outcome.student for outcome in one.students] == ["base", "best", "last"]
        assert [outcome.accuracy.value for outcome in one.students] == [1.0, 0.5, 0.5]
        assert (one.change.value, one.fixed, one.broken) == (-0.5, 0, 4)
    assert [(one.arm, one.iteration) for one in found.tested] == [
        (arm, number) for arm in ARMS for number in range(1, ITERATIONS + 1)
    ]
    told = json.loads(metrics(found))
    assert told["probes"]["elsewhere"]["no-state"]["best - base"]["broken"] == 4
    groups = told["by_skill"]["test"]["no-state"]
    assert set(groups) == set(SKILLS) and groups["gcd"]["items"] == 20
    assert groups["gcd"]["base"]["ci_low"] < groups["gcd"]["base"]["accuracy"]
    levels = told["slices"]["no-state"]["<level>"]
    assert len(levels) == 16 and sum(level["items"] for level in levels.values()) == 60
    assert set(levels["0"]) == {"base", "best", "last", "items"}
    last = told["test_each"]["no-state"]["3"]["accuracy"]
    assert last == told["arms"]["no-state"]["last"]["accuracy"]
    text = page(found)
    assert "The sealed test by group of the source" in text
    assert "The sealed test by slice" in text and "&lt;level&gt;" in text
    assert "Other test sets" in text and "-50.0" in text
    assert "Every student on the sealed test" in text and "no sealed test left" in text
    assert "Other test sets" not in page(study(plain))
    said = words.probed(found.probed[0], noise.NOT_MEASURED)
    assert said.startswith("On the test set elsewhere, with-state has base 100.0%, best 50.0%")
    assert said.endswith("0 answers fixed, 4 broken. Noise floor: not measured.")


def test_metrics_are_the_numbers_of_the_page(one, text):
    words = html.unescape(re.sub(r"<[^>]+>", " ", text))
    content = json.loads(metrics(study(one)))
    for arm in ARMS:
        for student in ("base", "best", "last"):
            row = content["arms"][arm][student]
            shown = rf"{arm}\s+{student}\s+{percent(row['accuracy'])}\s+{100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f}%\s+{row['unparseable']}\s+{row['truncated']}\s+{row['iteration']}\s+{row['examples']}"
            assert re.search(shown, words), shown
    (contrast,) = content["contrasts"].values()
    assert f"{points(contrast['difference'])} points" in words
    assert f"{points(contrast['ci_low'])} to {points(contrast['ci_high'])}" in words
    assert (contrast["primary"], contrast["ci_covers"], contrast["items"]) == (True, "items", 60)


def test_metrics_count_a_shared_stage_once(one):
    cost = json.loads(metrics(study(one)))["cost"]
    assert cost["stages"] == len(one.stages) == 3 + 2 * (5 * ITERATIONS + 2)
    assert cost["seconds"] == 2.0 * cost["stages"]
    assert cost["shared"]["stages"] == 3
    assert sum(row["stages"] for row in cost["arms"].values()) + 3 == cost["stages"]
    assert cost["tokens"]["trained"] == 50 + 2 * ITERATIONS * 500
    assert sum(row["seconds"] for row in cost["kinds"].values()) == cost["seconds"]


def test_the_headline_is_a_handful_of_numbers_an_arm(one):
    content = json.loads(headline(study(one)))
    assert content.keys() == {"with-state", "no-state", "difference"}
    assert content["with-state"].keys() == {"base", "best", "last"}
    assert content["difference"]["low"] <= content["difference"]["value"]
    full = json.loads(metrics(study(one)))
    assert content["no-state"]["best"] == full["arms"]["no-state"]["best"]["accuracy"]


def test_each_arm_and_seed_has_a_line_in_the_plot_of_each_split(one):
    files = curve_files(study(one))
    assert set(files) == {
        f"reports/tiny/curves/{split}/{arm}-0.csv"
        for split in ("selection", "test")
        for arm in ("with-state", "no-state")
    }
    for path, text in files.items():
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["split"] for row in rows} == {path.split("/")[3]}
        iterations = [int(row["iteration"]) for row in rows]
        assert iterations == sorted(set(iterations))
        assert len({row["arm"] for row in rows}) == 1


def test_curves_csv(one):
    rows = list(csv.DictReader(io.StringIO(curves_csv(study(one)))))
    assert list(rows[0]) == [
        "arm",
        "seed",
        "iteration",
        "examples",
        "split",
        "accuracy",
        "ci_low",
        "ci_high",
        "items",
        "unparseable",
        "truncated",
        "tokens",
        "gpu_minutes",
        "usd",
    ]
    selection = [row for row in rows if row["split"] == "selection" and row["arm"] == "no-state"]
    assert [(row["iteration"], row["examples"]) for row in selection] == [
        ("0", "0"),
        ("1", "6"),
        ("2", "12"),
        ("3", "18"),
    ]
    assert {(row["unparseable"], row["truncated"]) for row in selection} == {("0", "1")}
    # What the page draws curves by stands in the table, and what is not known is empty, not 0.
    points = next(curve for curve in study(one).curves if curve.arm == "no-state").points
    assert not any(point.usd for point in points) and {row["usd"] for row in rows} == {""}
    assert [row["tokens"] for row in selection] == [
        "" if point.tokens is None else str(point.tokens) for point in points
    ]
    assert {row["split"] for row in rows} == {"selection", "test"}


def test_page_asks_nothing_of_the_network(text):
    assert not re.search(
        r"""(?:src|href|action|poster|srcset)\s*=\s*["']?\s*(?:https?:)?//""", text, re.IGNORECASE
    )
    assert not re.search(r"""url\(\s*["']?(?!#)""", text)
    assert "@import" not in text and "<script" not in text and "<iframe" not in text
    assert "default-src 'none'" in text


def test_page_escapes_foreign_text(text):
    assert "<img" not in text and "<b>" not in text and "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ${HOME} {{ 7 * 7 }}" in text
    assert ">$x^2$ &lt;b&gt;</text>" in text and ">_sum<" in text, (
        "names of skills are neither markup nor mathematics"
    )


def test_page_is_well_formed(text):
    from html.parser import HTMLParser

    class Balance(HTMLParser):
        stack, ids = [], []

        def handle_starttag(self, tag, attrs):
            self.ids += [value for name, value in attrs if name == "id"]
            if tag not in ("meta", "link", "br", "input"):
                self.stack.append(tag)

        def handle_startendtag(self, tag, attrs):
            self.ids += [value for name, value in attrs if name == "id"]

        def handle_endtag(self, tag):
            assert self.stack.pop() == tag

    parser = Balance()
    parser.feed(text)
    assert not parser.stack
    assert len(parser.ids) == len(set(parser.ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) | set(
        re.findall(r'href="#([^"]+)"', text)
    ) <= set(parser.ids)


def test_what_is_wide_scrolls_in_its_place_and_figures_are_as_wide_as_theirs(text):
    assert 'name="viewport" content="width=device-width' in text
    assert all(
        re.search(r'<div class="scroll"[^>]*>$', text[: match.start()])
        for match in re.finditer("<table", text)
    ), "a wide table scrolls inside itself"
    assert not re.search(r'<svg[^>]*\bwidth="', text), "figures are as wide as their place"
    assert "prefers-color-scheme: dark" in text


def test_every_figure_says_how_many_items(text):
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    # Those of the whole: outcomes, three curves, two of gains by skill; and four of each arm.
    assert len(captions) == 6 + 4 * len(ARMS)
    assert "60 items" in captions[0]
    assert all("30 selection items" in caption for caption in captions[1:4])
    assert "10 selection items per skill" in captions[4]
    assert "60 sealed items" in captions[6]


@pytest.mark.usefixtures("undrawn")
def test_one_split_in_two_roles_is_stamped_everywhere(tmp_path):
    layout = Store(tmp_path / "repo").write()
    plain = page(study(load("tiny", layout.root)))
    index = json.loads(layout.index("tiny").read_text(encoding="utf-8"))
    write_json(
        layout.index("tiny"),
        {**index, "stamps": stamps({"selection": {"same_as": "test"}, "test": {}})},
    )
    stamped = study(load("tiny", layout.root))
    assert "selection and test are the same items" not in plain
    assert (
        '<p class="warning">Mind that selection and test are the same items.</p>'
        in page(stamped).partition("</header>")[0]
    )
    assert json.loads(metrics(stamped))["caveats"] == ["selection and test are the same items"]
    assert "mind that selection and test are the same items" in call(layout, "tiny").output


@pytest.mark.usefixtures("undrawn")
def test_iterations_without_a_new_example_are_said_everywhere(tmp_path):
    layout = Store(tmp_path / "repo").write()
    paths = sorted(layout.store.glob("train-t-no-state-*/log/run.json"))
    log = json.loads(paths[0].read_text(encoding="utf-8"))
    write_json(paths[0], {**log, "stayed": True})
    stayed = study(load("tiny", layout.root))
    said = f"no-state had no new example in 1 of {len(paths)} iterations, in which its student stayed as it was"  # fmt: skip
    assert list(stayed.caveats) == [said]
    assert f"Mind that {said}." in page(stayed)
    assert json.loads(metrics(stayed))["caveats"] == [said]
    assert f"mind that {said[:30]}" in call(layout, "tiny").output


@pytest.mark.usefixtures("undrawn")
def test_examples_that_were_cut_are_said_everywhere(tmp_path):
    layout = Store(tmp_path / "repo").write()
    whole = study(load("tiny", layout.root))
    assert not whole.caveats
    first, second, *rest = sorted(layout.store.glob("train-t-no-state-*/log/run.json"))
    learned = sum(6 * int(path.parts[-3][-1]) for path in (first, second, *rest))
    base = layout.stage("student-base") / "log" / "run.json"
    for path, cut, left_out in ((first, 3, 1), (second, 4, 0), (base, 2, 0)):
        log = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**log, "cut": cut, "left_out": left_out})
    shortened = study(load("tiny", layout.root))
    why = "which had no room in max_length"
    said = [
        f"the base student's own training cut 2 of 5 examples, {why}",
        f"the trainings of no-state cut 7 and left out 1 of {learned + 1} examples, {why}",
    ]
    assert list(shortened.caveats) == said
    assert f"Mind that {said[1]}." in page(shortened)
    assert json.loads(metrics(shortened))["caveats"] == said
    assert "mind that the trainings of no-state cut 7 and" in call(layout, "tiny").output


@pytest.mark.usefixtures("undrawn")
def test_how_trainings_went_is_listed_and_rewards_are_drawn(text, tmp_path):
    assert "Reward in training" not in text
    layout = Store(tmp_path / "repo").write()
    path = sorted(layout.store.glob("train-t-no-state-*/log"))[0] / "loss.jsonl"
    points = [
        {"step": 1, "loss": 0.5, "learning_rate": 0.1, "seconds": 1.0, "reward": 0.25},
        {"step": 9, "loss": 0.125, "learning_rate": 0.1, "seconds": 2.0, "reward": 0.75},
    ]
    write_rows(path, points)
    log = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))
    write_json(path.parent / "run.json", {**log, "sampled": 1234})
    rewarded = page(study(load("tiny", layout.root)))
    assert "0.25 to 0.75" in rewarded and "0.5 to 0.125" in rewarded and "1,234" in rewarded
    assert "<figcaption>Reward in training" in rewarded


@pytest.mark.usefixtures("undrawn")
def test_rows_that_gave_no_item_are_said_everywhere(tmp_path):
    layout = Store(tmp_path / "repo").write()
    assert "gave no item" not in page(study(load("tiny", layout.root)))
    path = layout.stage("student-base") / "log" / "run.json"
    log = json.loads(path.read_text(encoding="utf-8"))
    skipped = {"repeated rows": 1234, "items of earlier splits": 5}
    write_json(path, {**log, "skipped": skipped})
    results = study(load("tiny", layout.root))
    said = "gave no item: 5 items of earlier splits, 1,234 repeated rows (student 0)"
    assert said in page(results)
    assert json.loads(metrics(results))["skipped"] == {"student 0": skipped}
    assert said in " ".join(call(layout, "tiny").output.split())


def test_same_bytes_twice(one, text):
    again = study(load("tiny", one.layout.root))
    assert page(again) == text
    assert metrics(again) == metrics(study(one))


def test_the_score_that_chose_is_said_to_be_too_high(one, text):
    said = words.optimism(study(one).choices)
    assert "is too high by about" in said and said in html.unescape(text)


PARTISAN = re.compile(
    r"\b(won|wins?|winners?|better|worse|beats?|superior|outperforms?|significant(ly)?)\b",
    re.IGNORECASE,
)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("favoured", ["with-state", "no-state", None])
def test_wording_takes_no_side(tmp_path, favoured):
    def right(item, arm, _seed, iteration):
        return item % 10 < 4 + 4 * (bool(iteration) and arm == favoured)

    root = Store(tmp_path / "repo", right=right).write().root
    found = study(load("tiny", root))
    (contrast,) = found.contrasts
    sign = {"with-state": 1, "no-state": -1, None: 0}[favoured]
    assert contrast.difference.value == pytest.approx(0.4 * sign)
    words = html.unescape(
        re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", page(found), flags=re.DOTALL)
    )
    assert not PARTISAN.search(words)
    assert ONE_RUN in words and "over items: items only; run variance unknown." in words
    assert ("The interval includes zero" in words) is (sign == 0)
    assert (
        f"{points(contrast.difference.value)} points" in words
        and point_interval(contrast.difference) in words
    )


def test_reading_is_the_same_for_both_signs():
    first, second = {str(n): True for n in range(30)}, {str(n): n % 2 == 0 for n in range(30)}
    up, down = paired(first, second), paired(second, first)
    assert reading(up.difference) == reading(down.difference)
    assert "leaves out zero" in reading(up.difference)

    def make(pair):
        return Comparison(
            question=Question(arm="a", against="b", primary=True),
            weighed=Weighed(difference=pair.difference, items=30, p=pair.p, runs=((0, pair),)),
        )

    assert evidence(make(up)).replace("has 15", "has 0").replace("alone 0", "alone 15") == evidence(
        make(down)
    )


def test_a_contrast_by_cluster_says_how_many(one):
    """Rows of three items each that are answered alike tell less than as many items."""
    paths = list(one.layout.root.rglob("results.jsonl"))
    (before,) = study(one).contrasts
    old = {path: path.read_text(encoding="utf-8") for path in paths}
    try:
        for path in paths:
            rows = [json.loads(line) for line in old[path].splitlines()]
            write_rows(path, [{**row, "cluster": f"c{n // 3}"} for n, row in enumerate(rows)])
        (after,) = study(one).contrasts
        assert "over 20 clusters of items" in evidence(after)
        assert "these clusters" in reading(after.difference)
        assert json.loads(metrics(study(one)))["contrasts"]
        assert (after.items, after.difference.covers) == (before.items, "clusters")
        assert after.difference.value == before.difference.value
    finally:
        for path, text in old.items():
            path.write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_a_contrast_of_unequal_amounts_says_so(tmp_path, monkeypatch, capsys):
    layout = Store(tmp_path / "repo", right=lambda item, *_: item % 3 == 0).write()
    found = study(load("tiny", layout.root))
    assert not amounts(found.contrasts[0])
    assert "unequal" not in page(found)
    (path,) = layout.root.glob("store/check-*no-state-0-1/log/run.json")
    log = json.loads(path.read_text(encoding="utf-8"))
    assert log["accepted"] == 6
    path.write_text(json.dumps({**log, "accepted": 4}), encoding="utf-8")
    found = study(load("tiny", layout.root))
    said = "was taught 6 of 6 examples asked for, best of no-state was taught 4 of 6"
    assert said in amounts(found.contrasts[0])
    assert said in html.unescape(page(found))
    (contrast,) = json.loads(metrics(found))["contrasts"].values()
    assert (contrast["examples"], contrast["examples_against"]) == (6, 4)
    assert contrast["equal_amounts"] is False
    monkeypatch.chdir(layout.root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert said in " ".join(told.split())
    assert "4 of 6" in told and "16 of 18" in told
    monkeypatch.setenv("DATAENVGYM_TRACK", "0")
    entry(layout, "tiny")
    assert f"  mind: The amounts are unequal: best of with-state {said}" in capsys.readouterr().out


def test_what_a_training_left_out_is_not_taught(tmp_path):
    """With equal amounts the accepted examples of an iteration are not all taught."""
    layout = Store(tmp_path / "repo", right=lambda item, *_: item % 3 == 0).write()
    for number, set_aside in ((1, 2), (2, 0), (3, 1)):
        path = layout.root / f"store/train-t-with-state-0-{number}/log/run.json"
        log = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**log, "set_aside": set_aside}), encoding="utf-8")
    found = study(load("tiny", layout.root))
    counts = {outcome.student: outcome.examples for outcome in found.outcomes[:3]}
    assert counts == {"base": 0, "best": 4, "last": 15}
    assert [point.examples for point in found.curves[0].points] == [0, 4, 10, 15]
    assert "taught 4 of 6" in amounts(found.contrasts[0])


def test_of_an_iteration_that_brought_nothing_nothing_is_left_out(tmp_path):
    """A training that takes a part of all iterations may note what it left of one before."""
    layout = Store(tmp_path / "repo").write()
    for stage, fact in (("check-k", {"accepted": 0}), ("train-t", {"set_aside": 5})):
        path = layout.root / f"store/{stage}-with-state-0-2/log/run.json"
        log = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**log, **fact}), encoding="utf-8")
    run = load("tiny", layout.root).runs[0]
    assert [run.examples(number) for number in range(4)] == [0, 6, 6, 12]


@pytest.mark.usefixtures("undrawn")
def test_several_seeds(three):
    found = study(three)
    text = page(found)
    words = html.unescape(text)
    assert len(records(three)) == 2 * 3 * 3
    content = json.loads(metrics(found))
    last = content["arms"]["with-state"]["last"]
    base = content["arms"]["with-state"]["base"]
    assert (last["ci_covers"], base["ci_covers"]) == ("seeds", "items")
    assert last["accuracy"] == pytest.approx(
        sum(run["accuracy"] for run in last["runs"].values()) / 3, abs=1e-5
    )
    (contrast,) = content["contrasts"].values()
    assert (contrast["ci_covers"], contrast["seeds"]) == ("items and seeds", 3)
    assert set(contrast["run_variance"]["of_the_mean"]) == {"runs", "items", "both"}
    assert "t intervals over runs" in words and ONE_RUN not in words
    assert interval(found.summaries[2].accuracy) in words


@pytest.mark.usefixtures("undrawn")
def test_different_devices_are_said(one, three, text):
    assert not mixed(study(one).stamps)
    assert "equal versions, devices and precision" in text
    kinds = dict(mixed(study(three).stamps))
    assert set(kinds) == {"train", "evaluate"} and any(
        line.startswith("device: ") and "gpu" in line for line in kinds["train"]
    )
    assert "different circumstances" in page(study(three))


@pytest.mark.usefixtures("undrawn")
def test_a_contrast_says_that_its_arms_ran_under_different_circumstances(
    one, three, monkeypatch, capsys
):
    same, mixed_arms = study(one), study(three)
    assert words.circumstances(same.contrasts[0], same.stamps) == ""
    said = words.circumstances(mixed_arms.contrasts[0], mixed_arms.stamps)
    assert said.startswith("These arms did not run under the same circumstances (")
    assert "train: device: " in said
    assert said in html.unescape(page(mixed_arms)).partition("</section>")[0]
    (row,) = json.loads(metrics(mixed_arms))["contrasts"].values()
    assert set(row["circumstances"]) == {"train", "evaluate"}
    (row,) = json.loads(metrics(same))["contrasts"].values()
    assert "circumstances" not in row
    monkeypatch.chdir(three.layout.root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert "did not run under the same circumstances" in " ".join(told.split())
    _say_results(mixed_arms)
    assert f"  mind: {said}" in capsys.readouterr().out


def test_settings_that_differ(one):
    (different,) = [setting for setting in study(one).all_settings if setting.differs]
    assert (different.path, different.values) == ("agent.observe", ("scores", "nothing"))
    assert (
        describe({"overlap": {"kind": "overlap", "action": "reject"}, "x": []})
        == "overlap (action reject), x none"
    )


def test_settings_that_differ_at_their_end_are_shown_apart(tmp_path, undrawn):
    store = Store(tmp_path)
    store.write()
    path = tmp_path / "experiments" / "tiny.json"
    index = json.loads(path.read_text())
    for arm, end in (("with-state", "briefly"), ("no-state", "at length")):
        index["settings"][arm]["student"]["prompt"] = f"{'Think. ' * 300}Answer {end}."
    write_json(path, index)
    said = page(study(load("tiny", tmp_path)))
    assert said.count("Answer briefly.</td>") == said.count("Answer at length.</td>") == 2


def test_flips_add_up(one):
    for gain in study(one).gains:
        assert (
            gain.both_right + gain.both_wrong + gain.paired.gained + gain.paired.lost
            == gain.paired.difference.count
            == 60
        )
        assert sum(skill.fixed for skill in gain.skills) == gain.paired.gained
        assert (
            sum(skill.best - skill.base for skill in gain.skills)
            == gain.paired.gained - gain.paired.lost
        )


def test_yields_and_samples(one):
    found = study(one)
    first = found.yields[0].fates
    assert (first.requested, first.accepted, first.surplus, first.rejected, first.candidates) == (
        6,
        6,
        4,
        (("overlap", 1),),
        11,
    )
    fates = [sample.trace.rejected and sample.trace.rejected.check for sample in found.samples]
    assert set(fates) == {None, "overlap"}


def test_entry_writes_the_report(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATAENVGYM_TRACK", "0")
    layout = Store(tmp_path / "repo").write()
    entry(layout, "tiny")
    assert sorted(path.name for path in layout.report("tiny").iterdir()) == [
        "curves",
        "curves.csv",
        "examples",
        "headline.json",
        "index.html",
        "metrics.json",
    ]
    out = capsys.readouterr().out
    assert (
        out.startswith("== tiny: report\n")
        and "reports/tiny/index.html" in out
        and "warning" not in out
    )


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "failure", [UserError("the server is down", help="start it"), RuntimeError("odd")]
)
def test_tracking_that_fails_is_a_warning(one, monkeypatch, capsys, failure):
    monkeypatch.delenv("DATAENVGYM_TRACK", raising=False)
    called = []

    def track(layout, names):
        called.append((layout, list(names)))
        raise failure

    module = ModuleType("dataenvgym_spec.track.run")
    module.track = track
    monkeypatch.setitem(sys.modules, "dataenvgym_spec.track.run", module)
    entry(one.layout, "tiny")
    assert called == [(one.layout, ["tiny"])]
    assert "warning: not tracked: " in capsys.readouterr().out


def test_stages_that_are_missing_are_named(tmp_path):
    layout = Store(tmp_path / "repo").write()
    (layout.stage("evaluate-z-no-state-0") / "log" / "run.json").unlink()
    with pytest.raises(
        StageError, match="1 of 37 stages are not done: no-state, evaluate None"
    ) as caught:
        entry(layout, "tiny")
    assert "dvc repro tiny" in caught.value.help
    assert not layout.report("tiny").exists()
    with pytest.raises(UserError, match="no results on the sealed test yet"):
        call(layout, "tiny")


def call(layout, *arguments):
    import os

    before = os.getcwd()
    os.chdir(layout.root)
    try:
        return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    finally:
        os.chdir(before)


def test_command_prints_records_as_json(one):
    assert json.loads(call(one.layout, "tiny", "--json").stdout) == records(one)


def test_command_prints_a_table(one):
    out = call(one.layout, "tiny").output
    assert (
        "with-state" in out
        and "95% interval" in out
        and "run variance unknown" in " ".join(out.split())
    )
    assert "best of with-state less best of no-state" in " ".join(out.split())


def test_command_knows_no_other_experiment(one):
    with pytest.raises(UserError, match="there is no compiled experiment 'tinny'"):
        call(one.layout, "tinny")


def test_missing_packages_are_named():
    with pytest.raises(
        MissingExtra, match="the report needs the package 'no_such_package'"
    ) as caught:
        require("scipy", "no_such_package")
    assert "[report]" in caught.value.help


def test_what_could_not_be_judged_is_said() -> None:
    nothing = Judging(wrong_gold=(), unreadable=())
    assert words.judged(nothing) == []
    judging = Judging(wrong_gold=(("draw the test split", 3),), unreadable=(("timeout", 2),))
    left_out, unreadable = words.judged(judging)
    assert "gold answer scores wrong: 3 (draw the test split)" in left_out
    assert "count as unreadable: 2 timeout" in unreadable


class WithSkills(Store):
    """The skills of one arm were found, and measured."""

    def run(self, arm, seed):
        super().run(arm, seed)
        if arm == "no-state":
            return
        measured = {"items": 40, "skills": 3, "left_out": 0, "coverage": 0.975, "balance": 0.811}
        for kind, more in (("skills", {}), ("assign", {"within": 0.5, "between": 0.125})):
            self.stage(kind, f"{kind}-found", arm, seed, 0, {})
            log = self.layout.stage(f"{kind}-{kind}-found") / "log"
            write_json(log / "quality.json", {**measured, **more})


class WithLabels(WithSkills):
    """Selection and test are labelled with skills that the source does not know, in one arm of three runs."""

    def write(self):
        layout = super().write()
        index = json.loads(layout.index("tiny").read_text())
        index["settings"]["with-state"]["skills"] = {"label": ["selection", "test"]}
        index["settings"]["no-state"]["skills"] = {"label": ["test"]}
        write_json(layout.index("tiny"), index)
        return layout

    def run(self, arm, seed):
        super().run(arm, seed)
        if arm == "no-state":
            return
        for split, count in (("selection", 30), ("test", 60)):
            names = {f"{item:04x}": "even" if item % 2 == 0 else "<odd>" for item in range(count)}
            labels = {"skills": ["even", "<odd>"], "items": names}
            self.stage("label", f"{split}-l", arm, seed, None, {f"{split}/labels.json": labels})
            use = self.stages[f"{split}-l"]["uses"][-1]
            use["label"] = f"{arm}, label the {split} split"
            measured = {"items": count, "skills": 2, "left_out": 0, "coverage": 1.0}
            write_json(self.layout.stage(f"label-{split}-l") / "log" / "quality.json", measured)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_students_are_shown_by_the_skills_that_splits_are_labelled_with(seeds, tmp_path):
    results = load("tiny", WithLabels(tmp_path / "repo", seeds=seeds).write().root)
    content = study(results)
    rows = {(row.arm, row.split, row.skill): row for row in content.skill_accuracies}
    assert [*rows] == [
        ("with-state", "selection", "<odd>"),
        ("with-state", "selection", "even"),
        ("with-state", "test", "<odd>"),
        ("with-state", "test", "even"),
        *(("no-state", "test", skill) for skill in sorted(SKILLS)),  # of the source: no stage
    ]
    row = rows["with-state", "test", "even"]
    assert row.items == 30 and [student for student, _ in row.students] == ["base", "best", "last"]
    even = range(0, 60, 2)
    base, _, last = (estimate.value for _, estimate in row.students)
    assert base == pytest.approx(sum(Store.learns(item, "", 0, 0) for item in even) / 30)
    every = [Store.learns(item, "with-state", seed, 3) for item in even for seed in seeds]
    assert last == pytest.approx(sum(every) / len(every))
    best = rows["with-state", "selection", "even"].students[1][1]
    chosen = [run.choice.best for run in results.of_arm("with-state")]
    right = [
        Store.learns(item, "with-state", seed, number)
        for item in range(0, 30, 2)
        for seed, number in zip(seeds, chosen, strict=True)
    ]
    assert best.value == pytest.approx(sum(right) / len(right))
    # So are skills over iterations; the other arm's are those of the source.
    assert [grid.skills for grid in content.skills] == [("<odd>", "even"), tuple(sorted(SKILLS))]
    text = page(content)
    assert "Students by skill" in text and "&lt;odd&gt;" in text
    assert [row.items for row in content.qualities][2:] == ["the selection split", "the test split"]


@pytest.mark.usefixtures("undrawn")
def test_labels_that_are_not_there_yet_are_no_skills(tmp_path):
    layout = WithLabels(tmp_path / "repo").write()
    (layout.stage("label-test-l") / "log" / "run.json").unlink()
    rows = study(load("tiny", layout.root)).skill_accuracies
    assert {(row.arm, row.split) for row in rows} == {
        ("with-state", "selection"),
        ("no-state", "test"),
    }


@pytest.mark.usefixtures("undrawn")
def test_how_good_skills_are_is_said_by_arm(tmp_path):
    content = study(load("tiny", WithSkills(tmp_path / "repo").write().root))
    assert [(row.arm, row.items) for row in content.qualities] == [
        ("with-state", "what they were made of"),
        ("with-state", "all of feedback"),
    ]
    rows = re.findall(r"<tr>.*?coverage.*?</tr>(.*?)</tbody>", page(content), re.S)
    assert "97.5%" in rows[0] and "81.1%" in rows[0] and "0.375" in rows[0]
