"""How long the checks of near duplicates and of near overlap take, the first beside all pairs.

`python benchmarks/near.py [EXAMPLES]`: made-up questions of 40 words, of which every second one is
an earlier one with a word changed. A twentieth of them are the items that the others must not hold.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence

from dataenvgym_spec.gym.checks.judge import Judged, judge
from dataenvgym_spec.gym.checks.near_duplicate import NearDuplicate, runs
from dataenvgym_spec.gym.checks.near_overlap import NearOverlap
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.ngrams import ngrams
from dataenvgym_spec.records.splits import Kept, Reserve

THRESHOLD, WORDS, PAIRWISE = 0.8, 3, 2_000
HELD, NGRAM, SHARE = 20, 8, 0.7


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


def kept_clear(texts: Sequence[str]) -> int:
    """How many are accepted that hold no item of a split."""
    hashed = tuple(sorted({ngrams(text, NGRAM) for text in texts[::HELD]}))
    reserve = Reserve(seed=0, roles={"test": Kept(ngrams={str(NGRAM): hashed})})
    check = NearOverlap(against=["test"], threshold=SHARE, ngram=NGRAM)
    judged = Judged(name="near-overlap", action="reject", reads="splits", check=check)
    rows = [_example(str(number), text) for number, text in enumerate(texts)]
    sight = Sight(scorer=ExactMatch(), reserve=reserve)
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
    accepted, seconds = timed(kept_clear, texts)
    print(f"near overlap with {len(texts[::HELD])} items: {accepted} accepted in {seconds:.1f} s")
    few = texts[:PAIRWISE]
    (mine, quick), (all_pairs, slow) = timed(checked, few), timed(compared, few)
    print(f"{len(few)} of them: {mine} accepted, by all pairs {all_pairs}")
    print(f"all pairs take {slow / quick:.0f} times as long")


if __name__ == "__main__":
    main()
