"""Answers are judged in a sandbox: one odd answer costs one answer, and no text is code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.gym.sandboxes.shared import JUDGES, sharing
from dataenvgym_spec.gym.tasks import scoring
from dataenvgym_spec.gym.tasks.library import reasoning_gym
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.records.items import Item
from tests.support.golden import defaults
from tests.support.odd import install_odd, scorer

EVALUATING = (
    "binary_matrix",
    "countdown",
    "intermediate_integration",
    "n_queens",
    "polynomial_multiplication",
    "puzzle24",
    "simple_integration",
    "spiral_matrix",
    "string_insertion",
)
"""Data sets of reasoning-gym whose scorers hand an answer to `eval`, or to a parser that evaluates."""


def pairs(*texts: str, target: str = "7") -> list[tuple[Item, Answer]]:
    item = Item(id="1", input="q", target=target, group="g", cluster="1")
    return [(item, Answer(text=text)) for text in texts]


def built_in(kind: str) -> Judge:
    version = int(definition("scorer", kind).version())
    return Judge(scorer(kind, version, **defaults("scorer", kind)))


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Judge]]:
    """Judges by the scorers of an installed package."""
    install_odd(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    definitions.cache_clear()
    made = {kind: Judge(scorer(kind)) for kind in ("fragile", "evaluating", "short", "hoarding")}
    yield made
    for judge in made.values():
        judge.close()
    definitions.cache_clear()


def test_what_a_model_wrote_has_a_process_of_its_own(odd: dict[str, Judge]) -> None:
    """However plain it is; what a program made shares one."""
    answers = pairs("7", "8", "import this")
    assert [score.correct for score in odd["hoarding"].score(answers)] == [True] * 3
    computed = odd["hoarding"].score_computed(answers)
    assert [score.correct for score in computed] == [True, False, False]


def test_an_answer_that_raises_is_unreadable_and_costs_no_other(odd: dict[str, Judge]) -> None:
    judge = odd["fragile"]
    scores = judge.score(pairs("7", "seven", "7", "", "8", "$7$"))
    assert [(score.value, score.parsed, score.cause) for score in scores] == [
        (1.0, True, None), (0.0, False, "ValueError"), (1.0, True, None), (0.0, False, "ValueError"),
        (0.0, True, None), (0.0, False, "ValueError"),
    ]  # fmt: skip
    assert judge.unreadable == {"ValueError": 3}
    assert judge.score([]) == []


def test_no_scorer_of_a_package_runs_a_text_here(odd: dict[str, Judge], tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    judge = odd["evaluating"]
    scores = judge.score(
        pairs(
            "3 + 4",
            f"__import__('os').system('touch {planted}')",
            f"open('{planted}', 'w').write('x')",
            f"__import__('sys').modules['{Judge.__module__}'].__dict__.clear()",
            "__import__('os')._exit(0)",
            "__import__('os').kill(__import__('os').getppid(), 9)",
            "(lambda: 7)()",
        )
    )
    assert not planted.exists()
    assert [score.correct for score in scores] == [True, False, False, False, False, False, True]
    assert {"refused", "failed"} <= {*judge.unreadable}


def test_a_child_that_a_text_took_over_gives_no_more_than_a_score(odd: dict[str, Judge]) -> None:
    """It can make its own score up: then the scorer evaluates texts. It cannot end the stage."""
    write = "[__import__('os').write(n, b'[{}]') for n in range(3, 20) if __import__('os').path.exists(f'/proc/self/fd/{{n}}')]"
    forged = (
        '{"ending": "returned", "value": {"fault": "broken"}}',
        '{"ending": "returned", "value": {"value": 1e9, "parsed": true}}',
        '{"ending": "returned", "value": {"value": NaN, "parsed": true}}',
        '{"ending": "nothing", "more": 1}',
        "7",
        "[" * 5000,
    )
    texts = [write.format(text) + " and __import__('os')._exit(0)" for text in forged]
    scores = odd["evaluating"].score(pairs("7", *texts, "7"))
    assert [score.correct for score in scores] == [True, *[False] * len(forged), True]


def test_a_scorer_of_a_package_that_was_edited_is_the_edited_one(
    odd: dict[str, Judge],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where one process judges for all stages of a run."""
    file = tmp_path / "site" / "odd" / "fragile.py"
    monkeypatch.delenv(JUDGES, raising=False)
    with sharing(tmp_path_factory.mktemp("s") / "judges"):
        scores = []
        for sign in ("==", "!="):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("int(answer.text) ==", f"int(answer.text) {sign}"))
            judge = Judge(scorer("fragile"))
            scores += judge.score(pairs("7"))
            judge.close()
    assert [score.correct for score in scores] == [True, False]


def test_a_scorer_that_cannot_work_says_so(odd: dict[str, Judge]) -> None:
    with pytest.raises(StageError, match="Short returned 0 scores for 1 answer"):
        odd["short"].score(pairs("7", "7"))
    with pytest.raises(UserError, match="compiled for version 99 of the scorer 'exact-match'"):
        Judge(scorer("exact-match", 99)).score(pairs("7"))
    with pytest.raises(UserError, match="there is no scorer 'nowhere'"):
        Judge(scorer("nowhere")).score(pairs("7"))


@pytest.mark.parametrize(
    "plant", ["__import__('os').system('touch {}')", "__import__('os').open('{}', 64)"]
)
def test_a_text_is_no_code_for_reasoning_gyms_scorers(plant: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    answers = []
    for name in EVALUATING:
        entry = reasoning_gym.create_dataset(name, seed=1, size=1)[0]
        verifier = {"dataset": name, "answer": str(entry["answer"])}
        fields = {"id": name, "input": entry["question"], "target": str(entry["answer"])}
        item = Item(
            **fields, group=name, cluster=name, verifier=verifier, metadata=entry["metadata"]
        )
        code = plant.format(planted)
        for text in (code, f"[{code}]", f"[['_', {code}]]", f"{code} + 1"):
            answers.append((item, Answer(text=text)))
    judge = built_in("reasoning-gym")
    scores = judge.score(answers)
    judge.close()
    assert not planted.exists()
    assert not any(score.correct for score in scores)


def test_an_answer_that_never_ends_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Towers, factorials, binomials and powers kept math-verify busy for minutes."""
    monkeypatch.setattr(scoring, "LIMITS", scoring.SandboxLimits(seconds=60, cpu=1, output=1 << 16))
    judge = built_in("math-verify")
    texts = ("$7$", "$9^{9^{9^{9}}}$", "$(10^{7})!$", r"$\binom{10^{9}}{10^{8}}$", "$7$")
    scores = judge.score(pairs(*texts, target="$7$"))
    judge.close()
    assert [score.correct for score in scores] == [True, False, False, False, True]
    assert {score.cause for score in scores[1:4]} <= {"timeout", "memory", None}
    assert scores[1].cause == "timeout"


def test_a_mark_tells_where_the_answer_begins() -> None:
    plain, marked = ExactMatch(), ExactMatch(after="####")
    assert [score.correct for score in plain.score(pairs(" 7 ", "seven"))] == [True, False]
    item = Item(id="1", input="q", target="so #### 1,007", group="g", cluster="1")
    texts = ("#### 1007", "1007", "#### 7")
    scores = marked.score([(item, Answer(text=text)) for text in texts])
    assert [(score.correct, score.parsed) for score in scores] == [
        (True, True), (False, False), (False, True),
    ]  # fmt: skip
