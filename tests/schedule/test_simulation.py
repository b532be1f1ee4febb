"""The scheduler on a cluster with a virtual clock: how near it comes to the bound, and how it grows. `benchmarks/schedule.py` does it with a million works."""

from __future__ import annotations

from collections import Counter

from dataenvgym_spec.schedule.observer import Unobserved
from dataenvgym_spec.schedule.order import carry_out
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work
from tests.support.simulated import Cluster, studies


class Order(Unobserved):
    """Checks that nothing starts before what it reads is there, and counts attempts."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.starts: Counter[str] = Counter()
        self.skips = 0

    def started(self, work: Work, standing: Standing) -> None:
        assert work.after <= self.done
        self.starts[work.id] += 1

    def ended(self, finished: Finished, *, again: bool) -> None:
        if not finished.code:
            self.done.add(finished.work.id)

    def skipped(self, work: Work) -> None:
        self.skips += 1


def test_a_cluster_is_as_busy_as_it_can_be() -> None:
    works, cluster = studies(8000), Cluster(workers=100, gpus=80, lost=0.02)
    order = Order()
    outcome = carry_out(works, cluster, observer=order, retries=20)
    assert outcome.done == len(works) == len(order.done)
    # Every attempt more than the first is one whose worker was lost.
    assert 0.015 < order.starts.total() / len(works) - 1 < 0.025
    assert cluster.clock <= 1.05 * cluster.bound


def test_the_longest_way_is_not_left_for_the_end() -> None:
    """A few studies beside which all else is short: with enough workers it takes as long as they do."""
    works, cluster = studies(600), Cluster(workers=60, gpus=60)
    carry_out(works, cluster)
    assert max(cluster.way.values()) > cluster.busy / cluster.workers
    assert cluster.clock <= 1.05 * cluster.bound


def test_failures_cost_only_what_depends_on_them() -> None:
    works = studies(8000)
    for keep_going in (False, True):
        order, cluster = Order(), Cluster(workers=100, gpus=80, failing=0.003)
        outcome = carry_out(works, cluster, observer=order, keep_going=keep_going)
        assert outcome.failed
        assert outcome.done + len(outcome.failed) + outcome.skipped == len(works)
        assert outcome.skipped == order.skips
        hit = {name for one in outcome.failed for name in one.work.experiments}
        # Whoever needs no failed work has all of his.
        assert all(work.id in order.done for work in works if hit.isdisjoint(work.experiments))


def test_a_work_costs_the_same_among_many() -> None:
    asked = []
    for count in (4000, 16_000):
        cluster = Cluster(workers=50, gpus=20)
        carry_out(studies(count), cluster)
        asked.append(cluster.asked / count)
    # A work is started once, and each end is followed by a look at who is first of each need.
    assert asked[1] <= 1.2 * asked[0]
    assert max(asked) <= 4
