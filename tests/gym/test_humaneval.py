"""All of HumanEval: each canonical solution passes its own tests, and none passes another's."""

import pytest

from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.records.items import Item
from tests.support.programs import judge_of
from tests.support.public import needs_public, public_rows

pytestmark = pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")
FILE = "humaneval.jsonl.gz"


def problem(row: dict[str, str]) -> Item:
    verifier = {
        "entry": row["entry_point"],
        "starter": row["prompt"],
        "setup": row["prompt"],
        "tests": [{"check": row["test"]}],
    }
    identity, solution = row["task_id"], row["canonical_solution"]
    return Item(
        id=identity,
        input=row["prompt"],
        target=solution,
        group="humaneval",
        cluster=identity,
        verifier=verifier,
    )


@needs_public(FILE)
@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 20])
def test_canonical_solutions_pass_and_others_do_not(step: int) -> None:
    rows = public_rows(FILE, step)
    judge = judge_of()
    items = [problem(row) for row in rows]
    whole = "Here it is:\n```python\n{prompt}{canonical_solution}\n```\n"
    answers = [(item, Answer(text=item.target)) for item in items]
    answers += [
        (item, Answer(text=whole.format(**row))) for item, row in zip(items, rows, strict=False)
    ]
    scores = judge.score(answers)
    wrong = [
        item.id for (item, _), score in zip(answers, scores, strict=False) if not score.correct
    ]
    others = zip(items, [*items[1:], items[0]], strict=False)
    scores = judge.score([(item, Answer(text=other.target)) for item, other in others])
    judge.close()
    assert wrong == []
    assert not any(score.correct for score in scores)
