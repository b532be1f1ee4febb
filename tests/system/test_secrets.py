"""Secrets of a run are in nothing that it leaves: not in the repository, its history, MLflow, the journal, a bundle or what was printed."""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dataenvgym_spec.execute.rehearsal.service import _Completions, scripted
from tests.support.repositories import call, new_repo
from tests.support.specs import tiny

KEY = "sk-planted/key+0123456789=="
OTHERS = {
    "MLFLOW_TRACKING_PASSWORD": "planted-of-mlflow-0123",
    "AWS_SECRET_ACCESS_KEY": "planted+of/storage+0123456789abcdef01234",
    "HF_TOKEN": "hf_plantedofthehub0123456789abcdefgh",
}
STORED = "planted-in-the-settings-of-dvc"
"""Where DVC keeps it, and nowhere else."""
COMMANDS = (
    ("dataenvgym", "status", "--all"),
    ("dataenvgym", "plan"),
    ("dataenvgym", "doctor"),
    ("dataenvgym", "show", "specs/tiny.yaml"),
    ("dataenvgym", "report", "tiny"),
    ("dataenvgym", "export", "tiny", "--arm", "with-state"),
    ("dataenvgym", "journal", "info"),
    ("dataenvgym", "track", "tiny"),
)


def echo(self: Any, body: Mapping[str, Any], answer: str, letters: int) -> None:
    """Of the service: it repeats the key in what it says while it is busy."""
    if not self.server.says["busy"]:
        SPOKEN(self, body, answer, letters)
        return
    said = json.dumps({"error": {"message": f"'{self.headers['Authorization']}' is too busy"}})
    self.send_response(503)
    self.send_header("Content-Length", str(len(said)))
    self.end_headers()
    self.wfile.write(said.encode())


SPOKEN = _Completions._answer


def contents(path: Path) -> Iterator[bytes]:
    """What a file holds, and what it holds packed."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
        yield data
    elif data[:2] in (b"\x78\x01", b"\x78\x9c", b"\x78\xda"):  # an object of git
        yield zlib.decompress(data)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            yield from (file.read(name) for name in file.namelist())
    elif len(data) > 262 and data[257:262] == b"ustar":
        with tarfile.open(fileobj=BytesIO(data)) as tar:
            yield from (found.read() for one in tar if (found := tar.extractfile(one)))


def forms(secret: str) -> set[bytes]:
    """How a secret may be written."""
    plain = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.replace("/", r"\/")}
    coded = {base64.b64encode(secret.encode()).rstrip(b"="), secret.encode("utf-16-le")}
    return {text.encode() for text in plain} | coded


def holders(folder: Path, secret: str) -> set[str]:
    """The files that hold a secret."""
    wanted = forms(secret)
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
        if any(form in data for data in contents(path) for form in wanted)
    }


@pytest.mark.slow
def test_a_planted_secret_is_found_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Completions, "_answer", echo)
    writer: dict[str, Any] = {
        "kind": "openai",
        "model": "m-1",
        "provider": "lab",
        "key_env": "LAB_KEY",
    }
    writer["retries"] = 0
    engine = {"kind": "llm", "teacher": "writer", "task": "Sums.", "oversample": 2}
    spec = tiny(
        task={"score": {"kind": "exact-match"}},
        student={"prompt": {"template": "builtin:question"}, "train": {"max_length": 128}},
        teachers={"writer": writer},
        agent={"engine": engine},
        arms={"no-state": None},
        analysis=None,
        loop={"iterations": 1, "teach": {"refill": 0}},
    )
    everything, repo = tmp_path / "all", tmp_path / "all" / "repo"
    new_repo(repo, spec)
    remote = everything / "remote"
    call("dvc", "remote", "add", "-q", "--default", "there", str(remote), cwd=repo)
    call("dvc", "remote", "add", "-q", "cloud", "s3://bucket/dvc", cwd=repo)
    call("dvc", "remote", "modify", "--local", "cloud", "secret_access_key", STORED, cwd=repo)
    (everything / "tmp").mkdir()
    said = everything / "said.txt"
    busy = {"busy": True}
    with scripted("{answer}", busy) as service:
        environ = {
            **OTHERS,
            "LAB_KEY": KEY,
            "DATAENVGYM_LAB_URL": f"{service.address}/v1",
            "DATAENVGYM_JOURNAL": str(everything / "journal"),
            "DATAENVGYM_TRACK": "1",
            "TMPDIR": str(everything / "tmp"),
        }

        def do(*command: str, ok: bool = True) -> None:
            done = call(*command, cwd=repo, apart=True, ok=ok, **environ)
            with said.open("a", encoding="utf-8") as file:
                file.write(done.stdout + done.stderr)

        do("dataenvgym", "run", "tiny", ok=False)
        busy["busy"] = False
        do("dataenvgym", "run", "tiny")
        for command in COMMANDS:
            do(*command, ok=command[1] != "doctor")
        options = (
            "--with",
            "results,students,journal",
            "-o",
            str(everything / "study.bundle.tar.gz"),
        )
        do("dataenvgym", "bundle", "tiny", *options)
        do("dvc", "push", "-q", "--run-cache")
        do("git", "add", "-A")
        do("git", "commit", "-qm", "results")
    assert service.asked.requests > 8
    # It was said, and is there without the secret.
    assert "is too busy" in said.read_text(encoding="utf-8")
    for name, secret in {"LAB_KEY": KEY, **OTHERS}.items():
        assert holders(everything, secret) == set(), name
    assert holders(everything, STORED) == {"repo/.dvc/config.local"}
    (repo / "planted.txt").write_text(base64.b64encode(KEY.encode()).decode(), encoding="utf-8")
    assert holders(everything, KEY) == {"repo/planted.txt"}
