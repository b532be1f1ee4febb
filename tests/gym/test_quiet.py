"""What libraries write is kept back, however they write it, and shown when something fails."""

import logging
import os
import subprocess
import sys

import pytest

from dataenvgym_spec.gym.students.backends.quiet import kept_back


def _write() -> None:
    print("by Python")
    print("by Python's errors", file=sys.stderr)
    os.write(1, b"by compiled code\n")
    subprocess.run(["echo", "by a child"], check=True)


def test_nothing_is_seen_of_what_goes_well(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    with kept_back():
        _write()
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_all_is_seen_of_what_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), kept_back():
        _write()
        raise ZeroDivisionError
    out, complaints = capfd.readouterr()
    assert out == ""
    for who in ("Python", "Python's errors", "compiled code", "a child"):
        assert f"by {who}\n" in complaints


def test_a_log_that_is_set_up_meanwhile_is_seen_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with kept_back():
        handlers = [logging.StreamHandler(stream) for stream in (sys.stdout, sys.stderr)]
        for handler in handlers:
            handler.emit(logging.makeLogRecord({"msg": "meanwhile"}))
    for handler in handlers:
        handler.emit(logging.makeLogRecord({"msg": "afterwards"}))
    assert capfd.readouterr() == ("afterwards\n", "afterwards\n")
