"""How long the check of near duplicates takes, beside a comparison of all pairs.

`python benchmarks/near.py [EXAMPLES]`: made-up questions of 40 words, of which every second one is
an earlier one with a word changed.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence

from dataenvgym_spec.gym.checks.judge import Judged, judge
from dataenvgym_spec.gym.checks.near_duplicate import NearDuplicate, runs
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example

THRESHOLD, WORDS, PAIRWISE = 0.8, 3, 2_000


def questions(count: int) -> list[str]:
    rng = random.Random(0)
    words = [f"word{number}" for number in range(5_000)]
    made: list[list[str]] = []
    for number in range(count):
        if number % 2:
            changed = list(rng.choice(made))
            changed[rng.randrange(len(changed))] = rng.choice(words)
            made.append(changed)
        else:
            made.append(rng.choices(words, k=40))
    return [" ".join(question) for question in made]


def checked(texts: Sequence[str]) -> int:
    """How many are accepted by the check."""
    check = NearDuplicate(threshold=THRESHOLD, shingle=WORDS)
    judged = Judged(name="near-duplicate", action="reject", reads=None, check=check)
    rows = [_example(str(number), text) for number, text in enumerate(texts)]
    sight = Sight(scorer=ExactMatch())
    return len(judge(rows, {"made": len(rows)}, [judged], sight).accepted)


def _example(id: str, text: str) -> Example:
    return Example(id=id, input=text, target="1", group="made", cluster=id, skill="made")


def compared(texts: Sequence[str]) -> int:
    """How many are accepted where each is compared with all accepted ones."""
    accepted: list[set[str]] = []
    for text in texts:
        one = set(runs(text, WORDS))
        if all(len(one & other) < THRESHOLD * len(one | other) for other in accepted):
            accepted.append(one)
    return len(accepted)


def timed(work: Callable[[Sequence[str]], int], texts: Sequence[str]) -> tuple[int, float]:
    started = time.process_time()
    return work(texts), time.process_time() - started


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    texts = questions(count)
    accepted, seconds = timed(checked, texts)
    print(f"{count} examples: {accepted} accepted in {seconds:.1f} s of one core")
    few = texts[:PAIRWISE]
    (mine, quick), (all_pairs, slow) = timed(checked, few), timed(compared, few)
    print(f"{len(few)} of them: {mine} accepted, by all pairs {all_pairs}")
    print(f"all pairs take {slow / quick:.0f} times as long")


if __name__ == "__main__":
    main()
