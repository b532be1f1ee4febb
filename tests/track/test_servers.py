"""A team's server, for real, and all that can be wrong with it: users, rights, room, time."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faulty import Proxy, proxy
from tests.support.mlflow_servers import DATABASE_SECRET, MlflowServer, mlflow_server, postgres
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL
from tests.support.tracked import Store
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SECRETS = {"ann": "anns-long-secret", "rob": "robs-long-secret"}
WRONG = "a-wrong-long-secret"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="module")
def server(tmp_path_factory, database) -> Iterator[MlflowServer]:
    """MLflow with two users, on PostgreSQL."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow") / "server", database) as server:
        for name, secret in SECRETS.items():
            server.add_user(name, secret)
        yield server


@pytest.fixture(scope="module")
def tracked(tmp_path_factory, server) -> Path:
    """A repository that Ann has tracked to the server."""
    root = tmp_path_factory.mktemp("repo")
    Store(root, upto=1, closed=False)
    made = track(root, server.address, "ann")
    assert made.returncode == 0, made.stderr
    assert "7 runs made" in made.stdout and len(made.stdout.splitlines()) == 2
    return root


@pytest.fixture
def front(server) -> Iterator[Proxy]:
    """What stands before the server and fails when it is told to."""
    with proxy(server.port) as front:
        yield front


def settings(address: str, user: str, secret: str | None = None) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": secret or SECRETS[user],
        # What a user may set: a test need not wait for as long as a person would.
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "3",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }


def track(root: Path, address: str, user: str, *arguments: str, secret: str | None = None):
    own = settings(address, user, secret)
    if secret is None:
        own["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "120"
    return call("dataenvgym", "track", *arguments, cwd=root, ok=False, **own)


def in_background(root: Path, address: str) -> subprocess.CompletedProcess[str]:
    """What every stage starts at the end of an iteration."""
    module = ["-m", "dataenvgym_spec.track.background", "tiny"]
    return call(sys.executable, *module, cwd=root, ok=False, **settings(address, "ann"))


def files_with(root: Path, secret: str) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and secret in path.read_bytes().decode("latin-1")]  # fmt: skip


def test_a_user_with_rights_tracks_once_and_files_go_through_the_proxy(tracked, server) -> None:
    again = track(tracked, server.address, "ann", "--json")
    done = json.loads(again.stdout)
    assert (done["created"], done["removed"], done["logged"]) == (0, 0, 0)
    assert not (tracked / "mlflow.db").exists() and not (tracked / "mlartifacts").exists()
    assert len(list(server.artifacts.rglob("plan.md"))) == 2
    assert files_with(tracked, SECRETS["ann"]) == []


def test_a_wrong_password_is_said_with_what_to_do(tracked, server) -> None:
    said = track(tracked, server.address, "ann", secret=WRONG)
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert "knows no such user, or the password is another" in said.stderr
    assert "MLFLOW_TRACKING_USERNAME" in said.stderr
    assert WRONG not in said.stdout + said.stderr and files_with(tracked, WRONG) == []


def test_missing_rights_are_said_with_what_to_do(tracked, server, tmp_path) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(tracked, theirs, ignore=shutil.ignore_patterns(".dataenvgym"))
    said = track(theirs, server.address, "rob", secret=SECRETS["rob"])
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert "the user 'rob' may not write there" in said.stderr
    assert "EDIT" in said.stderr and SECRETS["rob"] not in said.stderr
    assert in_background(theirs, server.address).returncode == 0


def test_who_may_change_runs_and_not_delete_them_leaves_that_to_others(tmp_path, server) -> None:
    """MLflow lets only those delete who have the permission to manage."""
    anns, robs = tmp_path / "anns", tmp_path / "robs"
    Store(anns, name="edited")
    assert track(anns, server.address, "ann").returncode == 0
    found = server.ask("experiments/get-by-name?experiment_name=edited", None, "GET")
    server.permit("rob", found["experiment"]["experiment_id"], "EDIT")
    for rate in (0.002, 0.003):
        shutil.rmtree(robs, ignore_errors=True)
        Store(robs, name="edited", rate=rate)
        (robs / ".dataenvgym").mkdir(exist_ok=True)
        (robs / ".dataenvgym" / "clone").write_text("of rob", encoding="utf-8")
        made = track(robs, server.address, "rob", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["created"] == 9
    assert track(robs, server.address, "rob", "--verify").returncode == 0
    cleared = json.loads(track(anns, server.address, "ann", "--json").stdout)
    assert (cleared["created"], cleared["removed"]) == (0, 9)
    assert track(robs, server.address, "rob", "--verify").returncode == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang", "nobody answers there"),
        ("full", "the server has no room"),
        ("broken", "failed"),
    ],
)
def test_a_server_that_fails_costs_no_stage_anything(tracked, front, fault, words) -> None:
    front.fault = fault
    result = in_background(tracked, front.address)
    assert result.returncode == 0
    assert words in result.stdout and "dataenvgym track" in result.stdout
    assert SECRETS["ann"] not in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr and front.asked


@pytest.mark.parametrize(
    ("fault", "words"), [("hang", "nobody answers there"), ("full", "the server has no room")]
)
def test_a_run_beside_a_server_that_fails_is_whole_and_tracked_later(
    tmp_path, server, front, fault, words
) -> None:
    """Here stages start the tracking themselves, while they run: none fails, and nothing is left out of the report."""
    name = f"beside-{fault}"
    repo = new_repo(tmp_path / "repo", SMALL.replace("name: tiny", f"name: {name}"))
    call("dataenvgym", "compile", cwd=repo)
    front.fault = fault
    own = settings(front.address, "ann")
    ran = call("dvc", "repro", name, cwd=repo, apart=True, DATAENVGYM_TRACK="1", **own)
    assert SECRETS["ann"] not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
    report = repo / "reports" / name
    scores = json.loads((report / "metrics.json").read_text(encoding="utf-8"))["arms"]["main"]
    assert {student: one["items"] for student, one in scores.items()} == dict.fromkeys(("base", "best", "last"), 12)  # fmt: skip
    assert (report / "index.html").is_file() and (report / "curves.csv").is_file()
    # What a stage started may outlive the run.
    log = repo / ".dataenvgym" / "track.log"
    wait_until(lambda: log.is_file() and words in log.read_text(encoding="utf-8"), "the complaint")
    assert front.asked and "Traceback" not in log.read_text(encoding="utf-8")
    assert files_with(repo, SECRETS["ann"]) == []

    front.fault = "none"
    made = track(repo, front.address, "ann", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["created"] > 0
    verified = track(repo, front.address, "ann", "--verify")
    assert verified.returncode == 0, verified.stdout


def test_a_slow_server_gets_everything(tracked, front) -> None:
    front.fault = "slow"
    assert "nothing had to change" in track(tracked, front.address, "ann").stdout


def test_tracking_catches_up_after_the_server_was_away(tmp_path, server, front) -> None:
    root = tmp_path / "repo"
    Store(root, name="later", upto=1, closed=False)
    front.fault = "hang"
    assert "nobody answers" in track(root, front.address, "ann", secret=SECRETS["ann"]).stderr
    Store(root, name="later")
    front.fault = "none"
    assert "9 runs made" in track(root, front.address, "ann").stdout
    verified = track(root, front.address, "ann", "--verify")
    assert verified.returncode == 0, verified.stdout


def test_a_database_without_a_server_before_it(tmp_path, database) -> None:
    """Its password stands in the address, and nowhere else."""
    Store(tmp_path, name="direct", upto=0, closed=False)
    place = {"MLFLOW_TRACKING_URI": database}
    made = call("dataenvgym", "track", cwd=tmp_path, ok=False, **place)
    assert made.returncode == 0, made.stderr
    assert "5 runs in postgresql+psycopg2://127.0.0.1:" in made.stdout
    wrong = {"MLFLOW_TRACKING_URI": database.replace(DATABASE_SECRET, WRONG)}
    said = call("dataenvgym", "track", cwd=tmp_path, ok=False, **wrong)
    assert said.returncode == 2 and "the password is another" in said.stderr
    for secret in (DATABASE_SECRET, WRONG):
        assert secret not in made.stdout + made.stderr + said.stdout + said.stderr
        assert files_with(tmp_path, secret) == []
    undriven = {"MLFLOW_TRACKING_URI": database.replace("+psycopg2", "+pg8000")}
    said = call("dataenvgym", "track", cwd=tmp_path, ok=False, **undriven)
    assert said.returncode == 2 and "postgresql+psycopg2://" in said.stderr


def test_a_database_that_may_only_be_read_is_said_and_made_up_for(tmp_path, empty_database) -> None:
    Store(tmp_path)
    path = tmp_path / "elsewhere.db"
    shutil.copy(empty_database, path)
    place = {"MLFLOW_TRACKING_URI": f"sqlite:///file:{path}?mode=ro&uri=true"}
    said = call("dataenvgym", "track", cwd=tmp_path, ok=False, **place)
    assert said.returncode == 2 and "readonly" in said.stderr and "Traceback" not in said.stderr
    place = {"MLFLOW_TRACKING_URI": f"sqlite:///{path}"}
    assert "9 runs made" in call("dataenvgym", "track", cwd=tmp_path, **place).stdout
