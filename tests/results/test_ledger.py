"""What a log says of teachers, as costs: nothing is paid for twice, and each teacher has its price."""

import json
from pathlib import Path

import msgspec
import pytest

from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.results.accounts import cost_record
from dataenvgym_spec.results.ledger import Cost, cost_of
from dataenvgym_spec.results.prices import ImagePrice, Prices, TokenPrice

PRICES = Prices(
    machine_hour=3.6,
    models={
        "big": TokenPrice(prompt=2.0, generated=8.0, cached=0.5),
        "local": TokenPrice(prompt=0.0, generated=1.0),
    },
)
BIG = TeacherUse(
    kind="openai",
    requests=12,
    retries=2,
    tokens={"prompt": 1_000_000, "cached": 400_000, "generated": 100_000},
    reused=3,
    reused_tokens={"prompt": 500, "generated": 50},
    finishes={"stop": 11, "invalid": 2},
)
SMALL = TeacherUse(
    kind="local",
    requests=1,
    tokens={"prompt": 10, "generated": 1_000_000},
    reused_tokens={},
    finishes={"stop": 1},
)


def log(**facts: object) -> Log:
    return Log(started=1.0, seconds={"total": 10.0}, **facts)  # type: ignore[arg-type]


def test_each_teacher_has_the_price_of_its_model_or_kind() -> None:
    cost = cost_of("generate", log(teachers={"big": BIG, "small": SMALL}), PRICES)
    # The machine, fresh and cached and generated tokens of one, and the other's generated ones.
    assert cost.usd == pytest.approx(0.01 + 0.6 * 2.0 + 0.4 * 0.5 + 0.8 + 1.0)
    assert (cost.requests, cost.retries, cost.reused) == (13, 2, 3)
    assert cost.finishes == {"stop": 12, "invalid": 2}
    assert (cost.tokens["cached"], cost.tokens["reused"]) == (400_000, 550)
    assert cost_of("generate", log(teachers={"big": BIG}), Prices()).usd == 0


def test_what_became_of_requests_is_added_up_once() -> None:
    made = cost_of("generate", log(requested=10, candidates=20), PRICES)
    checked = cost_of("check", log(candidates=20, accepted=9, rejected={"even": 11}), PRICES)
    total = made + checked + Cost()
    assert (total.requested, total.candidates, total.examples) == (10, 20, 9)
    assert total.rejected == {"even": 11}
    assert total.usd == pytest.approx(0.02)


def test_a_log_with_teachers_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = log(teachers={"big": BIG})
    text = json.dumps(whole.plain())
    assert Log.parse(json.loads(text)) == whole


def test_tokens_of_batches_cost_their_share() -> None:
    prices = Prices(models={"big": TokenPrice(prompt=2.0, generated=8.0, batched=0.5)})
    tokens = {"prompt": 1_000_000, "generated": 100_000}
    whole = TeacherUse(kind="openai", requests=1, tokens=tokens, reused_tokens={}, finishes={})
    half = msgspec.structs.replace(whole, batched=tokens)
    some = msgspec.structs.replace(whole, batched={"prompt": 500_000})
    costs = [
        cost_of("generate", log(teachers={"big": one}), prices).usd for one in (whole, half, some)
    ]
    assert costs == pytest.approx([2.8, 1.4, 2.3])


def test_a_model_on_several_gpus_uses_all_of_them() -> None:
    for gpus, spent in ((None, 10.0), (4, 40.0)):
        made = log(device="cuda", gpus=gpus)
        assert cost_of("evaluate", made, Prices()).gpu_seconds == spent
    assert cost_of("evaluate", log(device="cpu", gpus=4), Prices()).gpu_seconds == 0


BRUSH = TeacherUse(
    kind="image-service",
    requests=7,
    tokens={"prompt": 1_000_000, "generated": 0},
    images={"1024x1024": 2, "512x512 low": 4},
    reused=1,
    reused_tokens={},
    reused_images={"1024x1024": 1},
    finishes={"stop": 7},
)


@pytest.mark.parametrize(
    ("images", "usd"),
    [
        ({"brush": 0.5}, 3.0),
        ({"image-service": 0.5}, 3.0),
        ({"brush": 0.25, "image-service": 0.5}, 1.5),
        ({"brush": {"1024x1024": 1.0, "512x512": 0.25}}, 3.0),
        # Size and quality together go before each alone.
        ({"brush": {"512x512 low": 0.5, "low": 1.0, "1024x1024": 0.0}}, 2.0),
        # Of what is not in the table nothing is counted.
        ({"brush": {"low": 0.25}}, 1.0),
        ({"other": 1.0}, 0.0),
    ],
)
def test_images_that_were_paid_for_have_their_price(
    images: dict[str, ImagePrice], usd: float
) -> None:
    cost = cost_of("generate", log(teachers={"brush": BRUSH}), Prices(images=images))
    assert (cost.images, cost.usd) == (6, pytest.approx(usd))
    by_token = Prices(images=images, models={"brush": TokenPrice(prompt=5.0, generated=0.0)})
    both = cost_of("generate", log(teachers={"brush": BRUSH}), by_token)
    assert both.usd == pytest.approx(usd + 5.0)
    assert cost_record(cost)["images"] == 6
