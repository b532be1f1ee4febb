"""Limits: no key knows them; a plan warns, a run that cannot fit is refused, one that passes them pauses and goes on when they are raised."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.questions.cost.limits import number, standings
from dataenvgym_spec.questions.cost.ranges import CostRange, Interval, exactly
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL, TEMPLATE, TINY


def write(folder: Path, text: str) -> Path:
    (folder / "specs" / "prompts").mkdir(parents=True, exist_ok=True)
    (folder / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (folder / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    return folder / "specs" / "tiny.yaml"


def keys(folder: Path, text: str) -> list[str]:
    return [stage.id for stage in lower(front_end([write(folder, text)], root=folder)).graph.stages]


def test_limits_are_part_of_no_key(tmp_path: Path) -> None:
    assert keys(tmp_path, TINY) == keys(
        tmp_path, TINY + "limits: {usd: 25, hours: 0.5, gpu_hours: 40, tokens: 1000000}\n"
    )


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        ("{usd: -1}", "E106", "must be at least 0, not -1"),
        ("{dollars: 1}", "E102", "unknown key 'dollars'"),
        ("{hours: many}", "E103", "'hours' must be"),
        ("5", "E103", "'limits' must be"),
    ],
)
def test_wrong_limits_are_told_with_their_place(
    limits: str, code: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        front_end([write(tmp_path, f"{TINY}limits: {limits}\n")], root=tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line if found.span else 0) == (code, TINY.count("\n") + 1)
    assert words in found.message


def test_how_limits_stand() -> None:
    spent = CostRange(
        usd=exactly(3.0), seconds=exactly(7200.0), prompt=exactly(10.0), generated=exactly(5.0)
    )
    ahead = CostRange(
        usd=Interval(low=1, high=4),
        seconds=Interval(low=3600, high=7200),
        prompt=Interval(low=0, high=100),
    )
    found = {
        one.name: one
        for one in standings({"usd": 5, "hours": 2.5, "tokens": 14, "gpu_hours": 0}, spent, ahead)
    }
    assert {name: (one.passed, one.too_little, one.doubtful) for name, one in found.items()} == {
        "usd": (False, False, True),
        "hours": (False, True, True),
        "gpu_hours": (False, False, False),
        "tokens": (True, True, True),
    }
    assert found["hours"].text() == "2 hours are spent and 1 to 2 lie ahead, and the limit is 2.5"
    assert [number(value) for value in (0, 0.00001, 99.94, 99999)] == [
        "0",
        "1.0e-05",
        "99.9",
        "99,999",
    ]


def run(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call("dataenvgym", *arguments, cwd=repo, ok=False)


def test_a_plan_warns_and_a_run_that_cannot_fit_is_refused(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", TINY + "limits:\n  hours: 1\n  gpu_hours: 0\n  tokens: 10\n")
    result = run(repo, "plan", "tiny")
    assert result.returncode == 0
    assert re.search(
        r"specs/tiny.yaml:46:10: warning\[W404\]: the limit on 'hours' may not be enough: 0 hours are spent and \S+ to \S+ lie ahead",
        result.stderr,
    )
    assert (
        "specs/tiny.yaml:48:11: warning[W404]: the limit on 'tokens' is not enough" in result.stderr
    )
    assert "gpu_hours" not in result.stderr
    refused = run(repo, "run", "tiny")
    assert refused.returncode == 3, refused.stderr
    assert "specs/tiny.yaml:48:11: the limit on 'tokens' is not enough" in refused.stderr
    assert "dataenvgym run tiny --ignore-limits" in refused.stderr
    assert not list(repo.glob("store/*/log"))


def spent(repo: Path) -> dict[str, int]:
    """Tokens by stage. They depend on no clock."""
    tokens = {}
    for path in repo.glob("store/*/log/run.json"):
        log = json.loads(path.read_text(encoding="utf-8")).get("tokens", {})
        tokens[path.parent.parent.name] = log.get("prompt", 0) + log.get("generated", 0)
    return tokens


def limit(repo: Path, tokens: float) -> None:
    text = f"{SMALL}limits: {{tokens: {tokens}}}\n"
    (repo / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")


def test_a_run_pauses_at_its_limit_and_goes_on_when_it_is_raised(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    ahead = json.loads(run(repo, "plan", "tiny", "--json").stdout)["costs"]["tiny"]["ahead"]
    low = ahead["prompt_tokens"][0] + ahead["generated_tokens"][0]
    limit(repo, low + 1)
    paused = run(repo, "run", "tiny")
    assert paused.returncode == 3, paused.stdout + paused.stderr
    last_words = paused.stderr.rstrip().splitlines()[-2]
    assert last_words.startswith("error: paused: the limit on 'tokens' is passed: ")
    assert "raise 'limits.tokens' in the spec and run again" in paused.stderr
    before = spent(repo)
    assert sum(before.values()) > low + 1
    limit(repo, 1e6)
    going_on = run(repo, "run", "tiny")
    assert going_on.returncode == 0, going_on.stdout + going_on.stderr
    assert before.items() < spent(repo).items()  # what was done is not done again

    limit(repo, 1)  # passed long ago, but there is nothing left to pay for
    assert "W404" not in run(repo, "plan", "tiny").stderr
    (select,) = repo.glob("store/select-*")
    for path in (select / "out", select / "log", repo / ".dvc" / "cache" / "runs"):
        shutil.rmtree(path)
    (select / "dvc.lock").unlink()
    shutil.rmtree(repo / ".dataenvgym" / "scratch", ignore_errors=True)
    refused = run(repo, "run", "tiny")
    assert (refused.returncode, (select / "log").exists()) == (3, False), refused.stderr
    assert run(repo, "run", "tiny", "--ignore-limits").returncode == 0
    assert (select / "log" / "run.json").exists()
