"""What a log says of the machine that its stage ran on."""

from pathlib import Path

import pytest

from dataenvgym_spec.core import machine
from dataenvgym_spec.core.machine import device_stamp, gpus, stamp, versions, with_required


def driver(folder: Path, *models: str) -> Path:
    """The files in which NVIDIA's driver describes itself."""
    for number, model in enumerate(models):
        gpu = folder / "gpus" / f"0000:0{number}:00.0"
        gpu.mkdir(parents=True)
        text = f"Model: \t\t {model}\nIRQ:   \t\t 201\nGPU UUID: \t GPU-{number}\n"
        (gpu / "information").write_text(text, encoding="utf-8")
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025\nGCC version: 12\n"
    (folder / "version").write_text(text, encoding="utf-8")
    return folder


def test_gpus_are_named_once_each_with_their_driver(tmp_path: Path) -> None:
    models = ["NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3"]
    found = gpus(driver(tmp_path, *models))
    assert found == (("NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3"), "570.86.15")


def test_a_container_without_the_drivers_files_asks_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 575.1'\necho 'NVIDIA H200, 575.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert gpus(tmp_path / "nothing") == (("NVIDIA H200",), "575.1")


def test_a_machine_without_a_gpu_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus(tmp_path / "none") == ((), "")


def test_a_device_is_stamped_where_a_model_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_stamp(None) == {}
    assert set(device_stamp("cpu")) == {"processor"}
    monkeypatch.setattr(machine, "gpus", lambda: (("NVIDIA H200",), "575.1"))
    assert device_stamp("cuda") == {"gpu": "NVIDIA H200", "driver": "575.1"}


def test_versions_name_what_can_change_a_result_and_what_is_asked_for() -> None:
    assert {"torch", "tokenizers", "sympy", "math-verify"} <= set(versions())
    assert "pyyaml" in stamp(["pyyaml", "no-such-package"])["versions"]
    assert "no-such-package" not in versions(["no-such-package"])


def test_a_package_is_stamped_with_what_it_requires() -> None:
    found = with_required(["jinja2", "no-such-package"])
    assert found == {"jinja2", "MarkupSafe", "no-such-package"}
