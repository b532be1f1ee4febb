"""What a stage has used and what remains: tokens and images, at the prices that hold for them."""

from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.records.progress import Asked, Progress
from dataenvgym_spec.results.prices import Prices, TokenPrice
from dataenvgym_spec.results.projection import Projection, projections

BRUSH = TeacherUse(
    kind="image-service",
    requests=4,
    tokens={"prompt": 0, "generated": 0},
    images={"512x512 low": 3},
    reused=1,
    reused_tokens={"prompt": 0, "generated": 0},
    reused_images={"512x512 low": 1},
    finishes={"stop": 4, "refusal": 1},
)


def projected(use: TeacherUse, prices: Prices) -> Projection:
    """Of one who is asked for ten answers."""
    log = Log(started=0.0, seconds={"total": 9.0}, teachers={"brush": use})
    asked = {"brush": Asked(wanted=10, received=4, seconds=8.0)}
    (found,) = projections(Progress(log=log, asked=asked), prices)
    return found


def test_images_are_projected_and_told() -> None:
    """Of five answers four were images, and three were paid for: of five more, four will be."""
    found = projected(BRUSH, Prices(images={"brush": 0.5}))
    assert (found.images, found.images_left, found.usd, found.usd_left) == (3, 4, 1.5, 2.0)
    told = "brush: 5 of 10 answers (1 from the journal), 3 images, 1.50 USD; "
    assert found.text() == told + "about 4 images, 2.00 USD, 10 s remain"


def test_what_has_no_price_costs_nothing_that_is_said() -> None:
    for images in ({}, {"other": 0.5}, {"brush": {"high": 0.5}}):
        found = projected(BRUSH, Prices(images=images))
        assert (found.usd, found.usd_left) == (None, None)
        assert "USD" not in found.text()


def test_what_comes_by_batches_costs_its_share() -> None:
    tokens = {"prompt": 1_000_000, "generated": 0}
    use = TeacherUse(
        kind="openai", requests=5, tokens=tokens, batched=tokens, reused_tokens={},
        finishes={"stop": 5},
    )  # fmt: skip
    prices = Prices(models={"openai": TokenPrice(prompt=4.0, generated=0.0, batched=0.25)})
    found = projected(use, prices)
    assert (found.usd, found.usd_left) == (1.0, 1.0)
