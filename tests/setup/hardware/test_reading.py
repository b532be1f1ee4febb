"""A hardware profile as it is read: what a file says, where it is, what is wrong with it, what stages are told."""

import os
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.setup.hardware.profile import (
    GenerationSpread,
    HardwareProfile,
    LightJobs,
    RayCluster,
    Room,
    SlurmCluster,
    TrainingSpread,
    room_here,
)
from dataenvgym_spec.setup.hardware.reading import FILE, applied, read_profile, with_profile
from tests.support.repositories import call, expect_refusal

WHOLE = """\
machine: {cpus: 4, gpus: 2, memory: 64 GiB}
training: {processes: 2, device_batch: 8, distribution: fsdp2, recompute_activations: true}
generation: {tensor_parallel: 2, gpu_memory: 0.5}
ray: {address: auto}
slurm:
  partition: long
  account: lab
  time: 1-12:00:00
  gpus: 4
  gpu_type: a100
  cpus: 8
  memory: 32GiB
  options: {qos: high, exclusive: true}
  light: {partition: short, memory: 2GB, options: {}}
  container_image: lab/image
"""


def written(root: Path, text: str) -> Path:
    (root / FILE).write_text(text, encoding="utf-8")
    return root


def faults(root: Path, text: str) -> list[tuple[str, str, str]]:
    """Places, messages and remedies of what is wrong with a profile."""
    with pytest.raises(SpecError) as caught:
        read_profile(written(root, text), {})
    return [(str(one.span), one.message, one.help) for one in caught.value.diagnostics]


def test_a_file_says_what_is_there(tmp_path: Path) -> None:
    assert read_profile(written(tmp_path, WHOLE), {}) == HardwareProfile(
        machine=Room(cpus=4, gpus=2, memory=64 * 2**30),
        training=TrainingSpread(
            processes=2, device_batch=8, distribution="fsdp2", recompute_activations=True
        ),
        generation=GenerationSpread(tensor_parallel=2, gpu_memory=0.5),
        ray=RayCluster(address="auto"),
        slurm=SlurmCluster(
            partition="long",
            account="lab",
            time="1-12:00:00",
            gpus=4,
            gpu_type="a100",
            cpus=8,
            memory=32 * 2**30,
            options={"qos": "high", "exclusive": True},
            light=LightJobs(partition="short", memory=2 * 10**9, options={}),
            container_image="lab/image",
        ),
    )


def test_without_a_file_all_of_the_machine_may_be_used(tmp_path: Path) -> None:
    profile = read_profile(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert (profile.machine, profile.ray, profile.slurm) == (Room(), None, None)
    room = room_here(profile, os.environ)
    assert room.cpus is not None and 1 <= room.cpus <= (os.cpu_count() or 1)
    assert room.gpus is not None and room.gpus >= 0
    assert room.memory is None or room.memory > 2**20
    less = room_here(HardwareProfile(machine=Room(cpus=1, memory=5)), {"CUDA_VISIBLE_DEVICES": ""})
    assert (less.cpus, less.gpus, less.memory) == (1, 0, 5)


def test_the_nearest_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, repo, other = tmp_path / "a" / "home", tmp_path / "repo", tmp_path / "other.yaml"
    (home / "dataenvgym").mkdir(parents=True)
    repo.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    written(home / "dataenvgym", "machine: {cpus: 1}\n")
    assert read_profile(repo, {}).machine.cpus == 1, "this user's"
    written(repo, "machine: {gpus: 0}\n")
    assert read_profile(repo, {}).machine == Room(gpus=0), "the repository's alone"
    other.write_text("machine: {cpus: 3}\n", encoding="utf-8")
    assert read_profile(repo, {"DATAENVGYM_HARDWARE": str(other)}).machine.cpus == 3
    # A stage, whose working directory is its own, means the same file.
    monkeypatch.chdir(home)
    assert read_profile(repo, {"DATAENVGYM_HARDWARE": "../other.yaml"}).machine.cpus == 3
    written(repo, "machine: {gpu: 0}\n")
    with pytest.raises(SpecError, match=r"^hardware\.yaml:1:11: "):
        read_profile(repo, {"DATAENVGYM_HARDWARE": "./hardware.yaml"})
    with pytest.raises(UserError, match=r"names '.*nowhere', which is no file"):
        read_profile(repo, {"DATAENVGYM_HARDWARE": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("text", "place", "message", "help"),
    [
        ("training: {distribution: fsdp}\n", "1:26", "'fsdp' is not allowed for 'distribution'", "did you mean 'fsdp2'?"),
        ("training: {proceses: 2}\n", "1:12", "unknown key 'proceses' in 'training'", "did you mean 'processes'?"),
        ("trainings: {}\n", "1:1", "unknown key 'trainings'", "did you mean 'training'?"),
        ("machine: {cpus: many}\n", "1:17", "'cpus' must be a whole number, not 'many'", "Processors."),
        ("machine:\n  memory: 64\n", "2:11", "'memory' must be a text, not 64", "Main memory, with its unit: `64GiB`."),
        ("machine:\n  memory: 64 gigs\n", "2:11", "'64 gigs' is not allowed for 'memory'", "Main memory, with its unit: `64GiB`."),
        ("machine:\n  memory: 0.0 GiB\n", "2:11", "'0.0 GiB' is not allowed for 'memory'", "Main memory, with its unit: `64GiB`."),
        ("machine: {cpus: 0}\n", "1:17", "'cpus': must be at least 1, not 0", "Processors."),
        ("slurm: {time: soon}\n", "1:15", "'soon' is not allowed for 'time'", "The time limit of a job (`sbatch --time`): minutes, `4:00:00` or `1-12:00:00`."),
        ("slurm: {options: {mem: 8}}\n", "1:19", "'mem' is set by the run for each job", "say it by slurm.memory"),
        ("slurm: {options: {part: x}}\n", "1:19", "'part' is set by the run for each job", "say it by slurm.partition"),
        ("slurm: {light: {options: {wait: true}}}\n", "1:27", "'wait' is set by the run for each job", "remove it: the run says wait itself"),
        ("slurm: {options: {-q: high}}\n", "1:19", "'-q' is no long option of sbatch", "write its long name without dashes before it, such as qos for -q"),
        ("slurm: {options: {q: high}}\n", "1:19", "'q' is no long option of sbatch", "write its long name without dashes before it, such as qos for -q"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_place_and_a_remedy(
    text: str, place: str, message: str, help: str, tmp_path: Path
) -> None:
    assert faults(tmp_path, text) == [(f"{FILE}:{place}", message, help)]


@pytest.mark.parametrize(
    ("text", "key", "where"),
    [
        ("training: {bf16: true}\n", "bf16", "student.train.dtype"),
        ("training: {mixed_precision: fp16}\n", "mixed_precision", "student.train.dtype"),
        ("training: {tf32: false}\n", "tf32", "student.train.dtype"),
        ("generation: {dtype: bfloat16}\n", "dtype", "student.generate.dtype"),
        ("precision: half\n", "precision", "student.train.dtype or student.generate.dtype"),
        ("generation: {quantization: awq}\n", "quantization", "student.train.adapter: {kind: qlora}"),
        ("training: {load-in-4bit: true}\n", "load-in-4bit", "student.train.adapter: {kind: qlora}"),
        ("training: {batch_size: 64}\n", "batch_size", "student.train.batch_size"),
        ("generation: {max_new_tokens: 64}\n", "max_new_tokens", "student.generate.max_new_tokens"),
        ("evaluation: {batch_size: 8}\n", "batch_size", "student.generate.batch_size"),
        ("learning_rate: 1.0\n", "learning_rate", "student.train.learning_rate"),
        ("slurm: {dtype: float16}\n", "dtype", "student.train.dtype or student.generate.dtype"),
    ],
)  # fmt: skip
def test_what_changes_results_belongs_into_the_spec(
    text: str, key: str, where: str, tmp_path: Path
) -> None:
    ((_, message, help),) = faults(tmp_path, text)
    assert message == f"'{key}' changes results, so no hardware profile says it"
    assert help == f"say it in the spec, by {where}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leases: {at: ' '}\n", "' ' is not allowed for 'at'"),
        ("leases: {at: 's3://'}\n", "'s3://' is not allowed for 'at'"),
        ("leases: {at: 's3:///leases'}\n", "'s3:///leases' is not allowed for 'at'"),
        ("leases: {seconds: 1.0e+30}\n", "'seconds': must be at most 86400, not 1e+30"),
        ("ray: {address: ''}\n", "'' is not allowed for 'address'"),
    ],
)
def test_what_names_no_place_and_no_time_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    ((_, said, help),) = faults(tmp_path, text)
    assert said == message and help


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "training: {bf16: true, proces: 2, bf16: false}\nmachine: {gpus: -1}\n"
    assert [place.rpartition(f"{FILE}:")[2] for place, _, _ in faults(tmp_path, text)] == [
        *("1:12", "1:24", "1:35"),
        "2:17",
    ]


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    written(tmp_path, WHOLE)
    environ = with_profile(tmp_path, {"DATAENVGYM_PROCESSES": "3", "DATAENVGYM_VLLM_GPUS": " "})
    assert environ == {
        "DATAENVGYM_PROCESSES": "3",
        "DATAENVGYM_DEVICE_BATCH": "8",
        "DATAENVGYM_DISTRIBUTION": "fsdp2",
        "DATAENVGYM_RECOMPUTE": "1",
        "DATAENVGYM_VLLM_GPUS": "2",
        "DATAENVGYM_VLLM_MEMORY": "0.5",
    }


def test_a_stage_is_told_and_nothing_is_left_behind(tmp_path: Path) -> None:
    written(tmp_path, WHOLE)
    environ = {"DATAENVGYM_DEVICE_BATCH": "1", "DATAENVGYM_VLLM_GPUS": "", "HOME": "/home"}
    before = dict(environ)
    with applied(tmp_path, environ):
        assert environ["DATAENVGYM_PROCESSES"] == "2"
        assert environ["DATAENVGYM_DEVICE_BATCH"] == "1"
        assert environ["DATAENVGYM_VLLM_GPUS"] == "2"
        environ["MORE"] = "of the stage"
    assert environ == {**before, "MORE": "of the stage"}
    written(tmp_path, "training: {fp16: true}\n")
    with pytest.raises(UserError, match=f"{FILE}:1:12: 'fp16' changes results"):
        applied(tmp_path, environ).__enter__()


def test_no_key_moves_and_nothing_runs_again(quickly_finished: Path, tmp_path: Path) -> None:
    """The profile enters no key; a finished experiment stays finished under another one."""
    quickly = Path(shutil.copytree(quickly_finished, tmp_path / "repo", symlinks=True))

    def compiled() -> dict[str, bytes]:
        call("dataenvgym", "compile", cwd=quickly)
        return {
            path.relative_to(quickly).as_posix(): path.read_bytes()
            for folder in ("store", "experiments")
            for path in (quickly / folder).rglob("*.*")
            if path.is_file() and path.suffix in {".json", ".yaml"}
        }

    before = compiled()
    for text in (WHOLE, "training: {processes: 1}\n"):
        written(quickly, text)
        assert compiled() == before
        said = call("dvc", "repro", "tiny", cwd=quickly)
        assert "Running stage" not in said.stdout
        assert "up to date" in said.stdout + said.stderr


def test_a_run_stops_at_a_file_that_is_no_profile(repo: Path) -> None:
    written(repo, "training:\n  bf16: true\n")
    call("dataenvgym", "compile", cwd=repo)
    said = call("dvc", "repro", "tiny", cwd=repo, ok=False, together=True)
    expect_refusal(
        said, "hardware.yaml:2:3: 'bf16' changes results", "student.train.dtype", code=255
    )
