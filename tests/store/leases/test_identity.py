"""Which host and process holds a lease: no two are called alike, whatever their names and numbers."""

import os
from pathlib import Path

import pytest

from dataenvgym_spec.store.leases import identity


def test_a_process_is_called_the_same_always_and_of_this_host() -> None:
    assert identity.process_id() == identity.process_id()
    assert identity.is_of_this_host(identity.process_id())
    assert not identity.is_of_this_host("") and not identity.is_of_this_host("other/1")


def test_a_fork_is_called_otherwise_and_is_of_this_host() -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, identity.process_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, encoding="ascii") as stream:
        other = stream.read()
    assert other != identity.process_id() and identity.is_of_this_host(other)


@pytest.mark.parametrize("what", ["another boot", "another container", "another name"])
def test_a_machine_of_the_same_name_is_another_host(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = identity.process_id()
    if what == "another boot":
        (tmp_path / "boot").write_text("7d0c", encoding="ascii")
        monkeypatch.setattr(identity, "_BOOT", tmp_path / "boot")
    elif what == "another container":
        (tmp_path / "pid").symlink_to("pid:[1]")
        monkeypatch.setattr(identity, "_PROCESSES", tmp_path / "pid")
    else:
        monkeypatch.setattr(identity.socket, "gethostname", lambda: "other")
    identity.host_id.cache_clear()
    try:
        assert not identity.is_of_this_host(here)
    finally:
        monkeypatch.undo()
        identity.host_id.cache_clear()
