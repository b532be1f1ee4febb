"""Examples of requests, with no more to them than that."""

from dataenvgym_spec.records.examples import Example, Provenance


def made(requests: str, iteration: int = 1) -> list[Example]:
    """An example for each letter, which is the name of its request."""
    where = Provenance(iteration=iteration, round=0, plan="", teacher="", request=0)
    return [
        Example(
            id=f"{iteration}-{number}", input="", target="", group="", cluster="", skill="any",
            request=name, provenance=where,
        )
        for number, name in enumerate(requests)
    ]  # fmt: skip
