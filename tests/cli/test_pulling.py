"""How long a run takes what colleagues have made."""

import pytest

from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.store.dvc.remote import Unreachable


def gone(pull: bool) -> str:
    """A plan that asks a remote which is gone."""
    if pull:
        raise Unreachable("the remote 'storage' cannot be asked", help="check the network")
    return "without"


def test_who_does_not_pull_asks_no_remote() -> None:
    assert Pulling(False).planned(gone) == "without"


def test_one_that_answers_is_asked_each_time() -> None:
    pulling = Pulling(True)
    assert [pulling.planned(str), pulling.planned(str)] == ["True", "True"]


def test_one_that_is_gone_before_anything_was_done_is_refused() -> None:
    pulling = Pulling(True)
    with pytest.raises(Unreachable, match="storage"):
        pulling.planned(gone)
    assert pulling.on


def test_one_that_goes_away_later_is_left_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    pulling = Pulling(True, begun=True)
    assert pulling.planned(gone) == "without"
    assert not pulling.on and pulling.planned(str) == "False"
    pulling.leave("DVC could not go on with the remote")
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "cannot be asked; going on without it: what only it has is made here" in said


def test_dvc_may_fail_once_with_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What passes, such as a file that git is writing, costs no one the remote."""
    pulling = Pulling(True, begun=True)
    pulling.failed("evaluate-1")
    pulling.failed("train-2")
    assert pulling.on and capsys.readouterr().err.count("trying once more") == 2
    pulling.failed("evaluate-1")
    pulling.failed("train-2")
    said = capsys.readouterr().err
    assert not pulling.on and said.count("going on without it") == said.count("warning: ") == 1
