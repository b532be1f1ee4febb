"""What of results becomes runs, where it is decided in `project` itself."""

from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.track.project import _with_axes
from dataenvgym_spec.track.runs import Metric


def test_a_curve_by_examples_counts_what_the_student_was_taught() -> None:
    """An agent that observes another arm's student needs that one's examples, and teaches none of them."""
    point = Metric(key="selection/accuracy", value=0.5, step=2, timestamp=0)
    cost = Cost(examples=540, seconds=7.2)
    axes = {metric.key: metric.step for metric in _with_axes([point], cost, 360)}
    assert axes["selection/accuracy_by_examples"] == 360
    assert axes["selection/accuracy_by_seconds"] == 7
