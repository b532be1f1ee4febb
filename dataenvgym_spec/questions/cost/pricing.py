"""What the work of a stage costs, by the table of prices: of whom it asks, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dataenvgym_spec.graph.component import Circumstances, Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.language.options import at
from dataenvgym_spec.questions.cost.ranges import ZERO, CostRange, Interval
from dataenvgym_spec.results.prices import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a stage takes, before prices: seconds, on GPUs too, tokens by use, images, examples."""

    seconds: Interval
    gpu: Interval
    tokens: Mapping[str, Interval]
    images: Interval
    examples: Interval


def priced(stage: Stage, work: Work, prices: Prices, circumstances: Circumstances) -> CostRange:
    """What the work of a stage costs.

    Args:
        stage: the stage.
        work: what it takes.
        prices: the price table.
        circumstances: how its components run: what is handed in as a batch has another price.
    """
    prompt, generated = work.tokens.get("prompt", ZERO), work.tokens.get("generated", ZERO)
    kind, seconds = stage.declaration, work.seconds
    usd = seconds.times(prices.machine_hour / 3600) + work.gpu.times(prices.gpu_hour / 3600)
    # Which of several models uses how much is not known.
    listed = [found for one in _counted(stage) if (found := _rates(one, prices, circumstances))]
    if listed:
        usd = usd + prompt.times(*_span(rate for rate, _ in listed))
        usd = usd + generated.times(*_span(rate for _, rate in listed))
    painted = [each for one in painters_of(stage) if (each := prices.of_image(one)) is not None]
    if painted:
        usd = usd + work.images.times(*_span(painted))
    return CostRange(
        examples=work.examples,
        prompt=prompt,
        generated=generated,
        trained=work.tokens.get("trained", ZERO),
        images=work.images,
        usd=usd,
        seconds=seconds,
        training=seconds if kind.work == "training" else ZERO,
        generation=seconds if kind.work == "generation" else ZERO,
        gpu=work.gpu,
    )


def _rates(
    teacher: Component, prices: Prices, circumstances: Circumstances
) -> tuple[float, float] | None:
    """US dollars for a token that a teacher reads, and for one that it writes, as it is asked."""
    price = prices.of(teacher)
    if price is None:
        return None
    here = circumstances.get(teacher.identity, {})
    batched = any(at(here, path) for path in teacher.marked("x-batched"))
    share = price.batched if batched else 1.0
    return share * price.prompt / 1e6, share * price.generated / 1e6


def _span(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    return min(listed), max(listed)


def teachers_of(stage: Stage) -> list[Component]:
    """The language models that a stage asks, else those that it names as its teachers."""
    teachers = _parts(stage, "teacher")
    models = [teacher for teacher in teachers if not teacher.procedural]
    return models or teachers


def painters_of(stage: Stage) -> list[Component]:
    """The painters of a stage that ask a service."""
    return [painter for painter in _parts(stage, "painter") if _asks_service(painter)]


def unpriced(stage: Stage, prices: Prices) -> frozenset[str]:
    """What services a stage asks that the table does not know, by the names to put there."""
    names = set()
    for teacher in _parts(stage, "teacher"):
        if _asks_service(teacher) and prices.of(teacher) is None:
            names.add(_name(teacher))
    for painter in painters_of(stage):
        # Some services bill by the image, and some by tokens.
        if prices.of_image(painter) is None and prices.of(painter) is None:
            names.add(f"images of {_name(painter)}")
    return frozenset(names)


def _counted(stage: Stage) -> list[Component]:
    """All whose tokens a stage counts: services that paint may bill by the token, too."""
    return [*teachers_of(stage), *painters_of(stage)]


def _parts(stage: Stage, slot: str) -> list[Component]:
    every = (part for _, one in stage.params.components() for part in one.walk())
    return [part for part in every if part.slot == slot]


def _asks_service(component: Component) -> bool:
    return bool(component.marked("x-services"))


def _name(component: Component) -> str:
    return str(component.options.get("model") or component.kind)
