"""What MLflow's own pages show in a real browser, against what the report says."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import pytest

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import comparisons
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.views import COSTS, CURVES, ITERATIONS, RUNS, SCORES
from dataenvgym_spec.track.views import POINTS as WHOLE
from tests.support.browsing import PATIENCE, browsing
from tests.support.mlflow_servers import ui
from tests.support.repositories import call
from tests.support.taught import HOSTILE, Taught, ask_for
from tests.support.tracked import EPOCH, Store

pytestmark = pytest.mark.slow

ARMS = ("with-state", "no-state", "random-pool")
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def page():
    """A page of a browser, wide enough that tables show all of their columns."""
    with browsing(width=2600, height=1400) as page:
        yield page


@pytest.fixture(scope="module")
def repo(tmp_path_factory, page) -> Path:
    """Three arms with two seeds each, finished."""
    root = tmp_path_factory.mktemp("pages")
    Store(
        root,
        name="study",
        arms=ARMS,
        seeds=SEEDS,
        right=lambda arm, seed, turn: 3 + seed + turn * (3 - ARMS.index(arm)),
    )
    return root


@pytest.fixture(scope="module")
def address(repo: Path) -> Iterator[str]:
    """Where `dataenvgym ui` shows it."""
    with ui(repo) as started:
        yield started.look()


def view(address: str, name: str, mode: str) -> str:
    """The address of a saved view, as charts or as a table."""
    return re.sub("viewStateShareKey=[^&]+", f"viewStateShareKey={name}", address).replace(
        "=CHART", f"={mode}"
    )


def opened(page, address: str, text: str) -> None:
    """Goes to a page as somebody would who has not been there, and waits for a text on it."""
    page.goto("about:blank")
    page.goto(address)
    page.get_by_text(text, exact=True).first.wait_for()


def run_of(repo: Path, name: str) -> str:
    """MLflow's own name of a run."""
    with contextlib.closing(sqlite3.connect(repo / "mlflow.db")) as base:
        ((run,),) = base.execute("select run_uuid from runs where name = ?", (name,))
    return run


def table(page) -> dict[str, dict[str, str]]:
    """The table of runs: the cells of each by the name of their column."""
    rows: dict[str, dict[str, str]] = {}
    page.locator(".ag-row .ag-cell[col-id^=metrics]").first.wait_for()
    for row in page.locator(".ag-row").all():
        cells = rows.setdefault(row.get_attribute("row-index"), {})
        for cell in row.locator(".ag-cell").all():
            column = cell.get_attribute("col-id").replace("`", "")
            # Before a run's name stands the colour of its lines.
            cells[column] = cell.inner_text().split("\n")[-1]
    return {cells["attributes.Run Name"]: cells for cells in rows.values()}


def test_the_address_that_is_printed_opens_the_curves_of_the_arms(page, address) -> None:
    opened(page, address, "What to look at")
    assert page.get_by_text("1 Learning curves, by arm").count()
    for arm in ARMS:
        page.get_by_text(f"Group: {arm}", exact=True).first.wait_for()
    page.get_by_text("with-state (selection/accuracy)", exact=True).first.wait_for()
    shown = page.locator("[data-testid=experiment-view-compare-runs-chart-area]").inner_text()
    for arm in ARMS:
        assert f"{arm} (selection/accuracy)" in shown
    assert "accuracy_by_tokens" not in shown
    # What else there is stands below, closed.
    assert "teaching/allocation" in shown and "train/loss" not in shown


def test_every_run_has_the_name_and_the_figures_of_its_results(page, address, repo) -> None:
    opened(page, view(address, "all-runs", "TABLE"), "with-state, seed 0")
    shown = table(page)
    record = project(load("study", repo))
    runs = [run for run in record.runs if dict(run.tags)["kind"] == "run"]
    assert list(shown) == [run.name for run in runs]
    assert list(shown) == [f"{arm}, seed {seed}" for arm in ARMS for seed in SEEDS]
    for run in runs:
        last = {metric.key: metric.value for metric in run.metrics}
        for key in ("selection/accuracy", "spent/examples"):
            assert float(shown[run.name][f"metrics.{key}"]) == pytest.approx(last[key])
        assert shown[run.name]["params.agent.observe"] == dict(run.tags)["arm"]
    assert not any(column == "metrics.test/best" for column in shown[runs[0].name])


def test_the_comparison_of_arms_is_that_of_the_report(page, address, repo) -> None:
    opened(page, view(address, "sealed-test", "TABLE"), "with-state, summary")
    shown = table(page)
    report = json.loads(call("dataenvgym", "report", "study", "--json", cwd=repo).stdout)
    assert list(shown) == [f"{arm}, summary" for arm in ARMS]
    for arm in ARMS:
        for student in ("base", "best", "last"):
            scores = [
                row["accuracy"]
                for row in report
                if (row["arm"], row["student"], row["split"]) == (arm, student, "test")
            ]
            cell = shown[f"{arm}, summary"][f"metrics.test/{student}"]
            assert len(scores) == len(SEEDS) and float(cell) == pytest.approx(mean(scores))
    compared = comparisons(load("study", repo))
    assert len(compared) == 2
    for answer in compared:
        other = answer.question.against
        for end in ("", "_low", "_high"):
            cell = shown["with-state, summary"][f"metrics.test/best minus best of {other}{end}"]
            value = answer.difference
            wanted = {"": value.value, "_low": value.low, "_high": value.high}[end]
            assert float(cell) == pytest.approx(wanted)


def test_declared_contrasts_have_a_section_of_their_own(page, address) -> None:
    opened(page, view(address, "sealed-test", "CHART"), "Declared contrasts")
    # Charts are drawn once they are in sight.
    for other in ARMS[1:]:
        page.get_by_text("Declared contrasts", exact=True).first.hover()
        page.mouse.wheel(0, 500)
        page.get_by_text(f"test/best minus best of {other}", exact=True).first.wait_for()


def test_the_saved_views_are_listed_by_their_names(page, address) -> None:
    for name, run in (
        ("2 Scores on the sealed test, by arm", "random-pool, summary"),
        ("4 Iterations, with what each was taught", "no-state, seed 0, iteration 1"),
    ):
        opened(page, address, "What to look at")
        page.get_by_test_id("saved-views-trigger").click()
        page.get_by_text(name).first.click()
        page.get_by_text(run, exact=True).first.wait_for()


def test_the_curves_by_what_they_took_are_one_line_an_arm(page, address) -> None:
    opened(page, view(address, "learning-curves-by-cost", "CHART"), "What to look at")
    for axis in ("", "_by_examples", "_by_tokens"):
        for arm in ARMS[:2]:  # the legend of a small chart has no room for the third
            line = f"{arm}, summary (selection/accuracy_mean{axis})"
            page.get_by_text(line, exact=True).first.wait_for()
    assert "seed 0" not in page.locator("body").inner_text()


def test_the_page_of_an_iteration_leads_to_its_student_and_the_one_before(
    page, address, repo
) -> None:
    run = run_of(repo, "no-state, seed 1, iteration 2")
    home = re.sub(r"/runs\?.*", f"/runs/{run}", address)
    opened(page, home, "student after")
    assert page.get_by_text("no-state, seed 1, iteration 2: 9 generated").count()
    tags = page.locator("body").inner_text().partition("\nTags\n")[2]
    assert tags.index("seed") < tags.index("dataenvgym.")
    for link, student in (("student after", "no-state, seed 1, iteration 2"), ("student before", "no-state, seed 1, iteration 1")):  # fmt: skip
        opened(page, home, link)
        target = page.get_by_role("link", name=link).first.get_attribute("href")
        opened(page, address.split("#")[0] + target, student)
        page.get_by_text("Not copied to MLflow").first.wait_for()


def test_what_others_wrote_loads_nothing_and_runs_nothing(page, tmp_path) -> None:
    """Descriptions, skills, reasons, subskills and examples that name images, frames and scripts."""
    Taught(tmp_path)
    ask_for(tmp_path, HOSTILE)
    seen = " ".join(clean(HOSTILE).split())
    asked, said = [], []
    tab = page.context.browser.new_page(viewport={"width": 2600, "height": 1400})
    tab.set_default_timeout(PATIENCE)
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    with contextlib.closing(tab), ui(tmp_path) as started:
        address = started.look()
        server = address.split("#")[0]
        for name in dict(project(load("tiny", tmp_path)).views):
            opened(tab, view(address, name, "CHART"), "What to look at")
        # What the spec says of itself stands above the views.
        tab.get_by_text(seen).first.wait_for()
        judge(tab)
        run = run_of(tmp_path, "with-state, seed 0, iteration 2")
        home = re.sub(r"/runs\?.*", f"/runs/{run}", address)
        opened(tab, home, "student after")
        judge(tab)
        for file in ("plan/plan.md", "plan/tree.md", "examples/some.md"):
            tab.goto("about:blank")
            tab.goto(f"{home}/artifacts/{file}")
            # A head by itself: it is shown as Markdown and not as its source.
            tab.get_by_text("skill", exact=True).first.wait_for()
            tab.get_by_text("<script>alert(1)</script>").first.wait_for()
            judge(tab)
        assert asked and not [
            url for url in asked if not url.startswith((server, "data:", "blob:"))
        ]
    assert not said


def judge(page) -> None:
    """Nothing on a page shows what a stranger has, and no link leads elsewhere than it says."""
    shown = page.locator("img[src*='evil'], iframe[src*='evil'], a[href^='javascript']")
    assert shown.count() == 0
    for link in page.locator("a[href*='evil']").all():
        # MLflow makes a link of any address, as terminals do.
        address = link.get_attribute("href").removesuffix("/")
        assert address in (link.inner_text(), f"http://{link.inner_text()}")


MANY = {"seeds": tuple(range(5)), "iterations": 20}
POINTS = 30


@pytest.fixture(scope="module")
def large(tmp_path_factory, page) -> Iterator[tuple[Path, dict[str, str]]]:
    """Three arms with five seeds and twenty iterations, and a sweep of thirty points: 319 and 330 runs.

    Yields the repository, and the addresses of the pages of study and sweep.
    """
    root = tmp_path_factory.mktemp("large")
    Store(root, name="study", arms=ARMS, copies=3, retrained=3, right=learns, **MANY)
    for number in range(POINTS):
        Store(
            root,
            name=f"rates-{number:02d}",
            sweep="rates",
            rate=0.01 * (1 + number),
            arms=ARMS[:2],
            seeds=SEEDS,
            iterations=1,
            epoch=EPOCH + 100_000 + 1000 * number,
            right=lambda arm, seed, turn, best=number: best * 7 % 11 + 2 * seed,
        )
    call("dataenvgym", "track", cwd=root, timeout=3000)
    with ui(root) as started:
        yield root, addresses(root, started.look())


def addresses(root: Path, address: str) -> dict[str, str]:
    """The address of each experiment, made of that of one."""
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as base:
        homes = dict(base.execute("select name, experiment_id from experiments"))
    return {
        name: re.sub(r"/experiments/\d+", f"/experiments/{home}", address)
        for name, home in homes.items()
    }


def learns(arm: str, seed: int, turn: int) -> int:
    return 3 + seed % 3 + turn * (3 - ARMS.index(arm)) // 6


def count(page, number: int) -> None:
    """As many runs as a view compares are on the page: MLflow loads no more than a hundred."""
    page.get_by_text(re.compile(rf"^\s*{number}\s+matching runs")).first.wait_for()


def test_views_of_three_arms_with_five_seeds_and_twenty_iterations(page, large) -> None:
    root, homes = large
    record = project(load("study", root))
    counts = {CURVES: 15, SCORES: 3, RUNS: 15, ITERATIONS: 60, COSTS: 3}
    assert [*dict(record.views)] == [*counts]
    for name, number in counts.items():
        opened(page, view(homes["study"], name, "CHART"), "What to look at")
        count(page, number)
        said = page.locator("[data-testid=experiment-view-compare-runs-chart-area]")
        line = {CURVES: "random-pool (selection/accuracy)", ITERATIONS: "train/loss"}.get(name)
        if line:
            said.get_by_text(line).first.wait_for()
    opened(page, view(homes["study"], SCORES, "TABLE"), "with-state, summary")
    (summary,) = (run for run in record.runs if run.name == "with-state, summary")
    floors = {one.key: one.value for one in summary.metrics if one.key.endswith("_noise_floor")}
    assert len(floors) == 2
    shown = table(page)["with-state, summary"]
    for key, value in floors.items():
        assert value > 0 and float(shown[f"metrics.{key}"]) == pytest.approx(value)
    opened(page, view(homes["study"], ITERATIONS, "TABLE"), "no-state, seed 0, iteration 01")
    assert not [name for name in table(page) if "seed 0" not in name]


def test_views_of_a_sweep_of_thirty_points(page, large) -> None:
    root, homes = large
    record = project(load("rates-00", root))
    counts = {WHOLE: 60, CURVES: 60, RUNS: 60, ITERATIONS: 60, COSTS: 60}
    assert [*dict(record.views)] == [*counts]
    for name, number in counts.items():
        opened(page, view(homes["rates"], name, "CHART"), "What to look at")
        count(page, number)
    opened(page, view(homes["rates"], WHOLE, "TABLE"), "Run Name")
    scores = [float(cells["metrics.selection/accuracy_mean"]) for cells in table(page).values()]
    assert len(scores) > 10 and scores == sorted(scores, reverse=True)
