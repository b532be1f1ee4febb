"""What libraries write is kept back, however they write it, and shown when something fails."""

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
