"""A painter behind a service that fails in every way it can: what is painted, and that nothing is paid for twice."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.journaled import around
from dataenvgym_spec.gym.make import Named
from dataenvgym_spec.gym.painters.image_service import ImageService
from dataenvgym_spec.language.components import definition
from tests.support.desks import desk
from tests.support.golden import assert_golden, defaults
from tests.support.images import drawn
from tests.support.misbehaving import (
    PASSING,
    Behaviour,
    Service,
    error,
    painted,
    painting,
    serving,
    status,
)

TEXTS = ["a dog", "a cat", "a dog", "two birds"]
KEY = "sk-planted/0123456789abcdef"


def painter(service: Service, at: Desk, **given: Any) -> ImageService:
    """A painter as a stage has it, that waits for nothing."""
    options = {**defaults("painter", "image-service"), "model": "brush", "provider": "local"}
    options |= {"address": service.address, "retries": 2, **given}
    made = ImageService(**options)

    async def sleep(_seconds: float) -> None:
        pass

    made.line.sleep = sleep  # type: ignore[attr-defined]
    described = Named(slot="painter", kind="image-service", version=1, options=options, parts={})
    placed: ImageService = around(at, lambda _word: [])(described, lambda: made)
    return placed


def images(
    folder: Path, service: Service, texts: list[str] | None = None, **given: Any
) -> tuple[list[bytes | None], Mapping[str, Any]]:
    """What one stage gets, and its account of the service."""
    at = desk(folder)
    paths = painter(service, at, **given).paint(TEXTS if texts is None else texts, 3)
    used = at.used()
    at.close()
    made = [None if path is None else path.read_bytes() for path in paths]
    return made, {} if not used else {"brush": used["brush"]}


def test_each_description_is_painted_once_and_kept_as_a_file(tmp_path: Path) -> None:
    with serving({"*": [painting(input_tokens=3, output_tokens=5)]}) as service:
        made, used = images(tmp_path, service, concurrency=1)
        asked = list(service.requests)
        again, replayed = images(tmp_path, service)
        assert made == again == [painted(text) for text in TEXTS]
        assert service.requests == asked and service.given.total() == 3
        assert service.paths == ["/v1/images/generations"] * 3
    assert asked[0] == {
        "model": "brush", "prompt": "a dog", "n": 1, "size": "1024x1024",
        "response_format": "b64_json",
    }  # fmt: skip
    kept = [path for path in (tmp_path / "journal" / "images").rglob("*") if path.is_file()]
    assert sorted(path.read_bytes() for path in kept) == sorted({*map(painted, TEXTS)})
    assert used["brush"].finishes == {"stop": 3} and used["brush"].tokens == {
        "prompt": 3, "generated": 5,
    }  # fmt: skip
    assert replayed["brush"].replayed == 3
    journal = (tmp_path / "journal" / "journal.sqlite").read_bytes()
    assert b64encode(painted("a dog"))[:40] not in journal


@pytest.mark.parametrize("fault", ["429 with Retry-After", "500", "reset in mid-body", "hangs"])
def test_a_fault_that_passes_costs_requests_and_no_image(fault: str, tmp_path: Path) -> None:
    with serving({"a cat": PASSING[fault]}) as service:
        made, used = images(tmp_path, service, timeout=0.3)
        assert made == [painted(text) for text in TEXTS]
        assert set(service.given.values()) == {1}
    assert used["brush"].retries == len(PASSING[fault])


NO_IMAGES: dict[str, tuple[Behaviour, str]] = {
    "no base64": (painting([{"b64_json": "?!"}]), "invalid"),
    "half of base64": (painting([{"b64_json": b64encode(drawn()).decode()[:-3]}]), "invalid"),
    "no image": (painting([{"b64_json": b64encode(b"no image").decode()}]), "invalid"),
    "half of an image": (painting([{"b64_json": b64encode(drawn()[:90]).decode()}]), "invalid"),
    "an address": (painting([{"url": "http://127.0.0.1:1/image.png"}]), "invalid"),
    "a text": (painting(["an image"]), "invalid"),
    "nothing": (painting([]), "empty"),
    "declined": (error(400, "No.", "content_policy_violation"), "refusal"),
    "moderated": (error(400, "No.", "moderation_blocked"), "refusal"),
}


@pytest.mark.parametrize("what", NO_IMAGES)
def test_what_is_no_image_is_counted_kept_and_never_asked_for_again(
    what: str, tmp_path: Path
) -> None:
    behaviour, finish = NO_IMAGES[what]
    with serving({"a cat": [behaviour]}) as service:
        made, used = images(tmp_path, service)
        assert made == [painted("a dog"), None, painted("a dog"), painted("two birds")]
        assert used["brush"].finishes == {"stop": 2, finish: 1}
        assert len(service.requests) == 3
        assert images(tmp_path, service)[0] == made and len(service.requests) == 3


def test_a_service_that_gives_nothing_but_base64_is_asked_without_the_word(tmp_path: Path) -> None:
    unknown = error(400, "Unknown parameter: 'response_format'.", "unknown_parameter")
    with serving({"a dog": [unknown]}) as service:
        made, used = images(tmp_path, service, concurrency=1, quality="high", size="auto")
        assert made == [painted(text) for text in TEXTS]
        assert ["response_format" in body for body in service.requests] == [True] + [False] * 3
        assert {body["quality"] for body in service.requests} == {"high"}
        assert {body["size"] for body in service.requests} == {"auto"}
    assert used["brush"].retries == 1


@pytest.mark.parametrize(
    ("behaviour", "words", "help"),
    [
        (status(500), r"500, 'overloaded' \(3 requests\)", "what was answered is kept"),
        (error(400, "The size is not known."), "The size is not known", "options of the painter"),
        (status(401, KEY), "does not accept the key in MY_KEY", "set the key"),
    ],
)
def test_what_fails_for_good_ends_with_the_reason_and_goes_on_from_there(
    behaviour: Behaviour, words: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serving({"two birds": [behaviour] * 3}) as service:
        monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)
        with pytest.raises(StageError, match=words) as caught:
            images(tmp_path, service, concurrency=1, key_env="MY_KEY")
        assert help in caught.value.help and KEY not in repr(caught.value)
        assert service.given == {"a dog": 1, "a cat": 1}
        service.behaviours.clear()
        made, _ = images(tmp_path, service, key_env="MY_KEY")
        assert made == [painted(text) for text in TEXTS]
        assert service.given == {"a dog": 1, "a cat": 1, "two birds": 1}
        assert {held["Authorization"] for held in service.headers} == {f"Bearer {KEY}"}
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_a_missing_address_is_told_once_something_is_asked(tmp_path: Path) -> None:
    with serving() as service:
        pass
    with pytest.raises(StageError, match="the address of 'local' is not known") as caught:
        images(tmp_path, service, address=None)
    assert "DATAENVGYM_LOCAL_URL" in caught.value.help


def test_an_image_whose_file_is_lost_is_painted_anew(tmp_path: Path) -> None:
    with serving() as service:
        made, _ = images(tmp_path, service)
        for path in (tmp_path / "journal" / "images").rglob("*"):
            if path.is_file() and path.read_bytes() == painted("a cat"):
                path.write_bytes(b"damaged")
        assert images(tmp_path, service)[0] == made == images(tmp_path, service)[0]
        assert service.given == {"a dog": 1, "a cat": 2, "two birds": 1}


def test_nobody_keeps_the_images_outside_of_a_stage() -> None:
    with serving() as service:
        options = {**defaults("painter", "image-service"), "model": "brush", "provider": "local"}
        made = ImageService(**options, address=service.address)
        with pytest.raises(StageError, match="nobody keeps the images"):
            made.paint(["a dog"], 1)


def test_what_it_asks_for_is_what_its_number_says(tmp_path: Path) -> None:
    assert definition("painter", "image-service").promise == "none"
    with serving() as service:
        images(tmp_path, service, concurrency=1)
        assert_golden("painter", "image-service", {1: "cdd4caefe8d5f43e"}, service.requests)
