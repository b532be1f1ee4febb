"""What is said of a failure, and that no secret is in it."""

import pytest

from dataenvgym_spec.track.address import hide
from dataenvgym_spec.track.refusals import explained

URI = "http://ann:s3cr%40t@host:5000"


@pytest.mark.parametrize(
    ("text", "status", "reason", "help"),
    [
        ("You are not authenticated", 401, "password is another", "MLFLOW_TRACKING_USERNAME"),
        ("Permission denied", 403, "may not write there", "EDIT"),
        ("Max retries exceeded with url: /x", None, "nobody answers there", "dataenvgym track"),
        ("failed with error code 507 != 200", 500, "has no room", "make room"),
        ("(x.DiskFull) could not extend file", None, "has no room", "make room"),
        ('password authentication failed for user "a"', None, "is another", "credentials"),
        ("odd [SQL: INSERT INTO runs]", None, "odd", "dataenvgym track"),
    ],
)
def test_a_failure_says_why_and_what_to_do(text, status, reason, help) -> None:
    said, remedy = explained(RuntimeError(text), status, URI)
    assert reason in said and help in remedy and "INSERT" not in said


def test_who_may_not_write_is_named(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "rob")
    assert explained(RuntimeError("no"), 403, URI)[0] == "the user 'rob' may not write there"


def test_no_secret_is_said_however_it_is_written(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of-the-variable")
    text = f"{URI} s3cr@t s3cr%40t of-the-variable"
    said, _ = explained(RuntimeError(text), None, URI)
    assert said == "http://host:5000 *** *** ***"
    assert hide("nothing to hide", "sqlite:///mlflow.db") == "nothing to hide"
