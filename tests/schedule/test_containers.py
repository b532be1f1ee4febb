"""Jobs in containers: what Slurm and the runtimes are told, and jobs of real daemons in a container that is one.

Neither apptainer nor pyxis could be had here. An `apptainer` stands in that takes what apptainer's documentation says of `exec`
and starts the command by bubblewrap: it sees Python, this package and what is bound, and nothing else of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.schedule.slurm.commands import Job, submit
from dataenvgym_spec.schedule.slurm.containers import script
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import BIN, ROOT
from tests.support.repositories import call, new_repo
from tests.support.slurm import needs_slurm, slurm, states
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

APPTAINER = """\
#!/bin/sh
# apptainer exec [--nv] [--bind=PATH]... IMAGE COMMAND...
test "$1" = exec || exit 64
shift
binds=
while :; do
  case $1 in
    --nv) ;;
    --bind=*) path=${{1#--bind=}}; binds="$binds --bind $path $path" ;;
    -*) echo "unknown flag $1" >&2; exit 64 ;;
    *) break ;;
  esac
  shift
done
test -d "$1" || {{ echo "could not open image $1" >&2; exit 255; }}
shift
exec bwrap --tmpfs / --ro-bind /usr /usr --ro-bind /etc /etc --symlink usr/bin /bin --symlink usr/lib /lib \\
  --symlink usr/lib64 /lib64 --dev /dev --proc /proc --tmpfs /tmp --ro-bind {prefix} {prefix} --ro-bind {base} {base} --ro-bind {source} {source} \\
  $binds --setenv PATH {bin}:/usr/bin:/bin -- "$@"
"""
PYXIS = SlurmCluster(container_image="lab/teaching:1", container_mounts=("/study", "/models"))


def told(cluster: SlurmCluster, needs: Needs | None = None) -> str:
    """The line of a job's script that starts it."""
    text = script(["python3", "-m", "it"], cluster, needs or Needs(cpus=4), "/study/jobs")
    assert text.startswith("#!/bin/sh\n")
    (line,) = (line for line in text.splitlines() if "python3" in line)
    return line


def test_what_a_job_in_a_container_is_started_by() -> None:
    assert told(SlurmCluster()) == "exec python3 -m it"
    step = "srun --nodes=1 --ntasks=1 --cpus-per-task=4"
    image = "--container-image=lab/teaching:1 --container-mounts=/study:/study,/models:/models"
    inside = "python3 -m it &"
    assert told(PYXIS) == f"{step} {image} {inside}"
    image = SlurmCluster(
        container_image="/lab/it.sif", container_runtime="apptainer", container_mounts=("/study",)
    )
    assert told(image) == f"apptainer exec --bind=/study /lab/it.sif {inside}"
    assert told(image, Needs(gpus=1)).startswith("apptainer exec --nv --bind=/study")


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmCluster:
    """An image that has Python and this package, and what starts it."""
    programs, root = tmp_path / "programs", tmp_path / "image"
    programs.mkdir()
    root.mkdir()
    text = APPTAINER.format(prefix=sys.prefix, base=sys.base_prefix, source=ROOT, bin=BIN)
    (programs / "apptainer").write_text(text, encoding="utf-8")
    (programs / "apptainer").chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PROGRAMS", str(programs))
    return SlurmCluster(container_image=str(root), container_runtime="apptainer")


@pytest.mark.slow
@needs_slurm
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_jobs_in_a_container(
    tmp_path: Path, image: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    layout = Layout(root=repo)
    stages = sorted(path.name for path in layout.store.glob("data-*"))
    works = [Work(id=one, targets=(f"store/{one}/dvc.yaml:data",)) for one in stages]
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", f"{os.environ['PROGRAMS']}:{variables['PATH']}")

        # Stages, as the tasks of an array.
        queue, places = Queue(driving, image), {}
        for batch in queue.batches(works, places):
            places |= queue.submit(batch)
        assert len({place.job for place in places.values()}) == 1
        numbers = {str(place) for place in places.values()}
        ended = dict.fromkeys(numbers, "COMPLETED")
        wait_until(lambda: states(numbers) == ended, "all are done")
        for one in stages:
            outcome = job.outcome_of(layout, one, str(places[one]))
            assert outcome is not None and not outcome.code
            assert (layout.stage(one) / "dvc.lock").is_file()

        # It sees what is bound and nothing else; its time is over, and the node puts it back.
        hidden, output = tmp_path / "hidden", tmp_path / "out.txt"
        hidden.mkdir()
        (repo / "once.sh").write_text(
            f"test ! -e {hidden} && test -e {repo} || exit 9\n"
            "test -z $SLURM_RESTART_COUNT || exit 0\n"
            f'touch {repo}/ready\nwhile ! test -e "$DATAENVGYM_CONTAINED"; do sleep 0.1; done\n'
            "exit 75\n",
            encoding="utf-8",
        )
        wanted = Job(
            name="once",
            command=["sh", str(repo / "once.sh")],
            output=str(output),
            needs=Needs(),
            folder=str(repo),
        )
        number = submit(wanted, Queue(driving, image).cluster)
        wait_until((repo / "ready").exists, "it runs")
        subprocess.run(["scancel", "--batch", "--signal=USR1", number], check=True)
        wait_until(lambda: states([number])[number] == "COMPLETED", "it has run again")

        # Without its image it says so.
        gone = SlurmCluster(container_image="/no/such.sif", container_runtime="apptainer")
        number = submit(replace(wanted, name="x"), gone)
        wait_until(lambda: states([number])[number] == "FAILED", "it fails")
        assert "could not open image /no/such.sif" in output.read_text(encoding="utf-8")
