"""What painters and batches will cost: images at their prices, tokens at those of batches, and what has no price."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.cli.costs import Bill, lines, summary
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.cost.estimate import (
    Machine,
    Past,
    PastStages,
    StageEstimate,
    estimate,
)
from dataenvgym_spec.questions.cost.limits import standings
from dataenvgym_spec.questions.cost.ranges import CostRange, Interval, total
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.results.prices import Prices, TokenPrice
from tests.support.repositories import ROOT

EXAMPLES, REFILL = 800, 1
BRUSH = {"kind": "image-service", "model": "brush", "size": "512x512", "quality": "low"}
PIPELINE = {"kind": "diffusers", "id": "x/y", "revision": "0" * 40}
GPT = {"kind": "openai", "model": "gpt"}
NOTHING = PastStages(known={})


def compiled(folder: Path, painter: dict[str, Any], **teacher: Any) -> Graph:
    """The library's spec with one arm, whose images are painted; with a teacher, who describes them."""
    tree = yaml.safe_load((ROOT / "specs" / "library" / "vqa.yaml").read_text(encoding="utf-8"))
    engine = {"kind": "repainted", "teacher": "drawer", "painter": painter, "oversample": 1.5}
    if teacher:
        tree["teachers"]["writer"] = teacher
        engine = {"kind": "painted", "teacher": "writer", "painter": painter, "oversample": 3}
    tree |= {"arms": {"served": {"agent": {"engine": engine}}}, "seeds": {"run": [0]}}
    del tree["analysis"]
    path = folder / "vqa.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return lower(front_end([path], root=folder)).graph


def generation(graph: Graph, *, refill: bool = False) -> Stage:
    stages = [stage for stage in graph.stages if stage.kind == "generate"]
    assert len(stages) == 1 + REFILL
    return stages[refill]


def foreseen(
    graph: Graph, prices: Prices, before: PastStages = NOTHING, *, refill: bool = False
) -> StageEstimate:
    """What a stage that generates is to cost."""
    stage = generation(graph, refill=refill)
    step = PlannedStage(key=stage.id, kind=stage.kind, action="run", cause="")
    (entry,) = graph.entries
    here = entry.circumstances
    (found,) = estimate([step], graph.by_id(), before, prices, Machine(), here)
    return found


def done(graph: Graph, **images: int) -> PastStages:
    """The same stage with a log that has so many images of the service, of the journal or not."""
    use = TeacherUse(
        kind="image-service",
        requests=1,
        tokens={},
        images={"512x512 low": images["paid"]},
        reused_tokens={},
        reused_images={"512x512 low": images["reused"]},
        finishes={"stop": 1},
    )
    log = Log(started=0.0, seconds={"total": 2.0}, teachers={"brush": use})
    past = Past(stage=generation(graph), log=log)
    return PastStages(pasts=(past,), known=graph.by_id())


def test_images_of_a_service_are_foreseen_at_their_price(tmp_path: Path) -> None:
    """Each candidate is painted once at most: of a refill perhaps none."""
    graph = compiled(tmp_path, BRUSH)
    prices = Prices(images={"brush": {"512x512 low": 2.0}})
    most = 1.5 * EXAMPLES
    cost = foreseen(graph, prices).cost
    assert cost.images.high == most and 0 < cost.images.low < most / 2
    assert cost.usd == cost.images.times(2.0)
    again = foreseen(graph, prices, refill=True).cost
    assert again.images == Interval(high=most)


def test_logs_tell_how_many_images_come_of_candidates(tmp_path: Path) -> None:
    graph = compiled(tmp_path, BRUSH)
    found = foreseen(graph, Prices(), done(graph, paid=500, reused=100))
    assert found.alike
    # Of 1,200 candidates half were images: one log is widened twofold.
    assert found.cost.images == Interval(low=300.0, high=1.5 * EXAMPLES)


def test_a_pipeline_takes_time_and_no_price(tmp_path: Path) -> None:
    graph = compiled(tmp_path, PIPELINE)
    found = foreseen(graph, Prices(images={"diffusers": 1.0}))
    assert (found.cost.images, found.cost.usd) == (Interval(), Interval())
    assert found.unpriced == frozenset()
    drawn = foreseen(compiled(tmp_path, {"kind": "noise"}), Prices())
    longer = found.cost.seconds.high - drawn.cost.seconds.high
    assert longer > 60 * EXAMPLES
    on_gpu = generation(graph)
    step = PlannedStage(key=on_gpu.id, kind=on_gpu.kind, action="run", cause="")
    (billed,) = estimate([step], graph.by_id(), NOTHING, Prices(gpu_hour=1.0), Machine(gpus=1))
    assert billed.cost.gpu == billed.cost.seconds
    assert billed.cost.usd.high == pytest.approx(billed.cost.seconds.high / 3600)


def test_what_is_handed_in_as_a_batch_is_foreseen_at_its_price(tmp_path: Path) -> None:
    costs = []
    for batched, batch in ((1.0, True), (0.5, False), (0.5, True)):
        price = TokenPrice(prompt=2.0, generated=8.0, batched=batched)
        graph = compiled(tmp_path, {"kind": "shapes"}, **GPT, batch=batch)
        costs.append(foreseen(graph, Prices(models={"gpt": price})).cost)
    assert costs[0].usd == costs[1].usd
    assert costs[2].usd == costs[0].usd.times(0.5)
    assert costs[2].usd.high > 0


def test_what_has_no_price_is_named(tmp_path: Path) -> None:
    graph = compiled(tmp_path, BRUSH, **GPT)
    by_token = TokenPrice(prompt=1.0, generated=1.0)
    for prices, unpriced in (
        (Prices(), {"gpt", "images of brush"}),
        (Prices(models={"gpt": by_token}, images={"brush": {"high": 1.0}}), {"images of brush"}),
        (Prices(models={"gpt": by_token, "brush": by_token}), set()),
        (Prices(images={"image-service": 1.0}), {"gpt"}),
    ):
        assert foreseen(graph, prices).unpriced == unpriced, prices


@pytest.mark.parametrize(
    ("prices", "limits", "told"),
    [
        (Prices(images={"brush": 1.0}), {}, True),
        (Prices(), {"usd": 1.0}, True),
        # Without any price no dollar is told that could be wrong.
        (Prices(), {}, False),
    ],
)
def test_a_plan_tells_whose_prices_it_does_not_know(
    prices: Prices, limits: dict[str, float], told: bool, tmp_path: Path
) -> None:
    stages = (foreseen(compiled(tmp_path, BRUSH, **GPT), prices),)
    ahead = total(one.cost for one in stages)
    standing = standings(limits, CostRange(), ahead)
    bill = Bill(stages=stages, ahead=ahead, spent=CostRange(), limits=standing)
    shown = lines(bill)
    assert any(line.split()[0] == "images" for line in shown)
    assert any("without price" in line and "gpt" in line for line in shown) == told
    assert "gpt" in summary(bill)["without_price"]
    assert summary(bill)["ahead"]["images"] == [ahead.images.low, ahead.images.high]
