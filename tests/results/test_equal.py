"""Equal amounts for arms: what a training leaves out."""

from dataenvgym_spec.results.taught.equal import common, prefix
from tests.support.amounts import examples, given


def ids(iteration) -> str:
    return " ".join(example.id for example in iteration)


def test_every_skill_keeps_its_share() -> None:
    some = examples(*["gcd"] * 6, *["sum"] * 3)
    assert ids(prefix(some, 6)) == "0 1 2 3 6 7"
    assert ids(prefix(some, 3)) == "0 1 6"
    assert prefix(some, 9) == some
    assert prefix(some, 0) == []


def test_a_smaller_amount_is_a_part_of_a_larger_one() -> None:
    some = examples("a", "a", "b", "c", "c", "c", "a", "b")
    for amount in range(8):
        assert {one.id for one in prefix(some, amount)} < {
            one.id for one in prefix(some, amount + 1)
        }


def test_each_iteration_is_cut_to_what_every_arm_has() -> None:
    mine = [examples(*["gcd"] * 5), examples(*["gcd"] * 4)]
    others = [given(gcd=3), given(gcd=2, sum=5), given(gcd=9), given(sum=4)]
    assert [len(iteration) for iteration in common(mine, others)] == [3, 4]
    fewest = [given(gcd=5), given(gcd=7), given(gcd=1), given(gcd=0)]
    assert [len(iteration) for iteration in common(mine, fewest)] == [5, 0]
