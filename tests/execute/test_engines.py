"""Engines that are kept for a run: what they answer, and when they end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import KILLED
from dataenvgym_spec.core.room import LEFT, VISIBLE, memory_of
from dataenvgym_spec.core.running import LASTING
from dataenvgym_spec.core.variables import ENGINE_SECONDS, ENGINES
from dataenvgym_spec.execute.warm.client import WORKER
from dataenvgym_spec.execute.warm.kept import fit, release
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.language.components import definition
from tests.support.components import Install
from tests.support.served import TOLD, Run, kept, kept_for_a_run
from tests.support.students import untrained
from tests.support.training import PROMPTS, SETTINGS, alone
from tests.support.waiting import wait_until

TRANSFORMERS = Component(
    slot="backend", kind="transformers", version=definition("backend", "transformers").version()
)
IN_VLLM = Component(slot="backend", kind="vllm", version=definition("backend", "vllm").version())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("model") / "base")


def adapter(base: Path, out: Path, seed: int, **options: Any) -> Path:
    """An adapter of random matrices, which changes what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = LoraConfig(
        r=4,
        lora_alpha=64,
        task_type="CAUSAL_LM",
        init_lora_weights=False,
        **{"target_modules": "all-linear", **options},
    )
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(out)
    return out


PACKAGE = """
import time
from pathlib import Path
from dataenvgym_spec.gym.students.backends.protocol import Completion

class It:
    device = "cpu"

    def __init__(self, *, settings, model, adapter):
        self.adapt(adapter)

    def adapt(self, adapter):
        self.says = (adapter / "says.txt").read_text() if adapter else "base"

    def generate(self, prompts, seeds=()):
        if prompts[0].startswith("touch "):
            Path(prompts[0].partition(" ")[2]).touch()
            time.sleep(600)
        return [Completion(text=self.says + p, tokens=1, prompt_tokens=1, truncated=False) for p in prompts]
"""
"""A backend that repeats what it is asked, behind what stands in an adapter."""
ENTRIES = """
[dataenvgym_spec.components]
backend.told = told:It
backend.freely = told:It
"""
FREELY = Component(slot="backend", kind="freely", version=1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install) -> Iterator[Run]:
    definition = {"title": "T", "description": "T.", "semantics": 1, "adapts": True}
    for kind, adapts in (("told", True), ("freely", "freely")):
        install("backend", kind, adapts=adapts)
    package = tmp_path / "package"
    (package / "told-1.dist-info").mkdir(parents=True)
    for name, text in {
        "told.py": PACKAGE,
        "told.json": json.dumps(definition),
        "told-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: told\nVersion: 1\n",
        "told-1.dist-info/entry_points.txt": ENTRIES,
    }.items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{package}:{Path(__file__).parents[2]}")
    with kept_for_a_run(tmp_path, monkeypatch) as made:
        yield made


def asked(base: Path, student: Path, component: Component = TRANSFORMERS) -> Any:
    """The engine that is kept for a student, which may be the base itself."""
    return kept(component, None if student == base else base, student)


def answers(base: Path, student: Path) -> list[Any]:
    """What a student says that is loaded for this."""
    above = None if student == base else base
    engine = load_backend(TRANSFORMERS, settings=SETTINGS, student=student, base=above)
    return engine.generate(PROMPTS)


@pytest.mark.parametrize(
    "options", [{}, pytest.param({"use_dora": True}, marks=pytest.mark.slow)], ids=["lora", "dora"]
)
def test_it_answers_as_one_that_is_started_for_each_student(
    base: Path, tmp_path: Path, run: Run, options: dict[str, Any]
) -> None:
    first = adapter(base, tmp_path / "first", 1, **options)
    second = adapter(base, tmp_path / "second", 2, **options)
    wider = adapter(base, tmp_path / "wider", 3, target_modules=["q_proj", "embed_tokens"])
    order = [base, first, second, base, wider, first, base]
    said = []
    for student in order:
        with asked(base, student) as engine:
            said.append(engine.generate(PROMPTS))
            # A small model has one thread, whatever this process would have.
            assert engine.threads == 1
    assert said == [answers(base, student) for student in order]
    assert len({str(texts) for texts in said}) == 4
    assert run.loads() == 1


def test_one_engine_serves_all_adapters_of_a_shape(run: Run) -> None:
    first, second = run.adapter("first", "1"), run.adapter("second", "2")
    assert [run.said(student) for student in (first, second, first)] == ["1?", "2?", "1?"]
    assert run.loads() == 1
    assert run.said(run.adapter("wider", "3", r=8)) == "3?"
    assert run.loads() == 2


def test_the_base_itself_has_the_engine_of_its_adapters_where_that_takes_any(run: Run) -> None:
    first, wider = run.adapter("first", "1"), run.adapter("wider", "2", r=8)
    for component, loads in ((FREELY, 1), (TOLD, 4)):
        said = []
        for student in (run.base, first, run.base, wider):
            with asked(run.base, student, component) as engine:
                said += [one.text for one in engine.generate(["?"])]
        assert said == ["base?", "1?", "base?", "2?"]
        assert run.loads() == loads, "else the base has one, and so has each shape"


def test_what_changes_how_it_computes_is_another_engine(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run.adapter("first", "1")
    run.said(first)
    monkeypatch.setenv("DATAENVGYM_THREADS", "2")
    run.said(first)
    with kept(TOLD, run.base, first, "another"):
        assert run.loads() == 3


def test_a_model_is_known_by_what_it_holds_and_not_by_where(run: Run) -> None:
    """On a machine of a cluster each stage has a repository of its own, which is then removed."""
    first = run.adapter("first", "1")
    run.said(first)
    (elsewhere := run.folder / "elsewhere").mkdir()
    with kept(TOLD, elsewhere, first) as engine:
        assert engine.generate(["?"])[0].text == "1?"
    assert run.loads() == 1


def test_on_a_machine_of_a_cluster_it_outlives_the_repository_of_a_stage(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = run.folder / "nodes" / "evaluate-1"
    (stage / ".dvc").mkdir(parents=True)
    first, second = run.adapter("first", "1"), run.adapter("second", "2")
    monkeypatch.setenv(LASTING, str(stage.parent))
    monkeypatch.chdir(stage)
    run.said(first)
    monkeypatch.chdir(run.folder)
    shutil.rmtree(stage)
    assert run.said(second) == "2?"
    (log,) = stage.parent.glob("engines-*.log")
    assert log.read_text(encoding="utf-8").count("loaded ") == 1


def test_none_is_kept_of_a_whole_model_or_where_nobody_wants_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    with kept(TOLD, None, run.base, None) as engine:
        assert engine is None
    first = run.adapter("first", "1")
    with kept(TOLD, run.base, first, None) as engine:
        assert engine is None
    install("backend", "fixed")
    with kept(Component(slot="backend", kind="fixed", version=1), run.base, first) as engine:
        assert engine is None
    monkeypatch.setenv(ENGINES, "0")
    with kept(TOLD, run.base, first) as engine:
        assert engine is None


def test_who_comes_meanwhile_is_served_when_the_first_has_gone(run: Run) -> None:
    """Two that wait together share the engine, one after the other, and neither meets the other's adapter."""
    first, second = run.adapter("first", "1"), run.adapter("second", "2")
    said: list[str] = []
    other = threading.Thread(target=lambda: said.append(run.said(second)))
    with asked(run.base, first, TOLD) as engine:
        before = run.connections()
        other.start()
        wait_until(lambda: run.connections() > before, "the other one has come")
        # It would have its answer by then if it had not to wait.
        other.join(0.3)
        assert engine.generate(["?"])[0].text == "1?"
        assert said == []
    other.join()
    assert said == ["2?"]
    assert run.loads() == 1


def test_why_it_failed_is_told_and_the_next_one_is_served(run: Run) -> None:
    first, broken = run.adapter("first", "1"), run.adapter("broken", "")
    (broken / "says.txt").unlink()
    run.said(first)
    with pytest.raises(StageError, match=r"FileNotFoundError: .*says\.txt") as error:
        run.said(broken)
    assert "engines.log" in error.value.help
    assert run.said(first) == "1?"


ASKING = """
import sys
from pathlib import Path
from dataenvgym_spec.core.errors import UserError
from tests.support.served import TOLD, kept
try:
    with kept(TOLD, *map(Path, sys.argv[1:3])) as engine:
        engine.generate(["touch " + sys.argv[3]])
except UserError as error:
    print(error.message, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("killed", ["stage", "engine"])
def test_a_kill_while_it_answers(run: Run, killed: str) -> None:
    """It ends with the stage that asks; and a stage that it leaves without an answer says so."""
    first, begun = run.adapter("first", "1"), run.folder / "begun"
    run.said(first)
    (engine,) = run.engines()
    code = f"import sys\nfrom dataenvgym_spec.language.components import definitions\n{ASKING}"
    stage = subprocess.Popen(
        [sys.executable, "-c", code, run.base, first, begun], stderr=subprocess.PIPE, text=True
    )
    wait_until(begun.exists, "it answers", stage)
    os.kill(stage.pid if killed == "stage" else engine, signal.SIGKILL)
    _, said = stage.communicate()
    wait_until(lambda: engine not in run.engines(), "it ends with who asked")
    if killed == "engine":
        assert said == "the process that keeps the engine ended\n"
        assert stage.returncode == KILLED, "which is a fault of the machine"
    assert run.said(first) == "1?"
    assert run.loads() == 2


WORKER_OF_NOTHING = """
import sys
from pathlib import Path
from dataenvgym_spec.execute.warm import worker
worker.PRELOAD = {"heavy": ()}
worker.serve(Path(sys.argv[1]), int(sys.argv[2]), "heavy")
"""


def test_a_warm_worker_forks_it_where_there_is_one(run: Run) -> None:
    """Then what an engine imports is there already. It outlives the stage that asked for it."""
    place, served = os.environ[WORKER], str(run.process.pid)
    worker = subprocess.Popen([sys.executable, "-c", WORKER_OF_NOTHING, place, served])
    wait_until(Path(place).exists, "the worker listens", worker)
    assert [run.said(run.adapter(name, name)) for name in "ab"] == ["a?", "b?"]
    (engine,) = run.engines() - {worker.pid}
    assert Path(f"/proc/{engine}/stat").read_text().rpartition(")")[2].split()[1] == str(worker.pid)
    worker.kill()
    worker.wait()
    assert run.said(run.adapter("c", "c")) == "c?"
    assert run.loads() == 1
    for left in (Path(place), *run.sockets.glob("*-judges-*")):
        left.unlink()


def test_it_ends_when_told_to_and_when_nobody_asks(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run.adapter("first", "1")
    run.said(first)
    release(os.environ)
    wait_until(lambda: not run.engines(), "it ends as it is told to")
    monkeypatch.setenv(ENGINE_SECONDS, "1")
    run.said(first)
    wait_until(lambda: not run.engines(), "it ends after a second")


def test_on_a_gpu_another_engine_ends_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run.adapter("first", "1")
    monkeypatch.setattr("dataenvgym_spec.execute.warm.engines.gpu_count", lambda: 1)
    assert [run.said(first), run.said(first)] == ["1?", "1?"]
    assert run.loads() == 1
    with kept(TOLD, None, run.base, None):
        wait_until(lambda: not run.engines(), "it makes room")


def test_an_engine_makes_room_on_each_of_its_gpus_and_on_no_other(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Works of `--jobs` see a GPU each, or several at once where a training is spread."""
    first = run.adapter("first", "1")
    monkeypatch.setattr("dataenvgym_spec.execute.warm.engines.gpu_count", lambda: 3)

    def on(devices: str) -> set[int]:
        before = run.engines()
        monkeypatch.setenv(VISIBLE, devices)
        assert run.said(first) == "1?"
        return run.engines() - before

    zero, one = on("0"), on("1")
    assert run.engines() == zero | one
    monkeypatch.setenv(VISIBLE, "GPU-6f3b,2")
    release(os.environ)
    assert run.engines() == zero | one
    both = on("0, 1")
    wait_until(lambda: run.engines() == both, "those on either make room")
    monkeypatch.setenv(VISIBLE, "1")
    release(os.environ)
    wait_until(lambda: not run.engines(), "so does the one on both")
    on("2")
    monkeypatch.delenv(VISIBLE)
    release(os.environ)
    wait_until(lambda: not run.engines(), "who sees all GPUs needs all of them")


def test_what_main_memory_has_no_room_for_ends_unless_it_is_used(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, wider = run.adapter("first", "1"), run.adapter("wider", "2", r=8)
    run.said(first)
    (one,) = run.engines()
    run.said(wider)
    fit(os.environ)
    monkeypatch.setenv(LEFT, str(3 * memory_of(one)))
    fit(os.environ)
    assert len(run.engines()) == 2, "there is room for both, as far as anybody says"
    with asked(run.base, first, TOLD) as engine:
        monkeypatch.setenv(LEFT, "0")
        assert run.said(wider) == "2?"
        assert engine.generate(["?"])[0].text == "1?"
    assert run.loads() == 2, "a stage used the one, and was about to use the other"
    monkeypatch.setenv(LEFT, str(3 * memory_of(one) // 2))
    fit(os.environ)
    wait_until(lambda: len(run.engines()) == 1, "there is room for one")


def test_where_no_socket_can_be_named_none_is_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, ",".join(map(str, range(100, 130))))
    with kept(TOLD, run.base, run.adapter("first", "1")) as engine:
        assert engine is None


VLLM = """
import json
from tests.execute import test_engines as own
from tests.support.training import loaded
base, out, *students = map(Path, sys.argv[1:])
engine, said = None, []
for student in students:
    adapter = None if student == base else student
    if engine is None:
        engine = loaded(student, adapter and base, "vllm")
    else:
        engine.adapt(adapter)
    # What was kept of these prompts would be computed beside others.
    asked = own.PROMPTS[: len(own.PROMPTS) - len(said)]
    said.append([one.text for one in engine.generate(asked)])
out.write_text(json.dumps(said))
"""


@pytest.mark.slow
def test_one_in_vllm_answers_as_one_that_is_started_for_each_student(tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    base = untrained(tmp_path / "base", heads=1, hidden_size=32)
    out = tmp_path / "said.json"

    def said(*students: Path) -> list[list[str]]:
        alone(VLLM, base, out, *students)
        found: list[list[str]] = json.loads(out.read_text())
        return found

    first, second = (adapter(base, tmp_path / name, seed) for seed, name in enumerate("ab"))
    kept = said(first, second, first)
    bare = said(base, base, base)
    cold = [said(student)[0] for student in (first, second, base)]
    for texts, student in ((kept[0], 0), (kept[1], 1), (kept[2], 0), *((one, 2) for one in bare)):
        assert texts == cold[student][: len(texts)]
    assert len({str(texts) for texts in cold}) == 3


@pytest.mark.slow
def test_a_process_that_keeps_vllm_answers_as_one_that_is_started_for_each_student(
    run: Run, tmp_path: Path
) -> None:
    """An engine for all adapters, one for the base: vLLM computes with room for adapters or without."""
    pytest.importorskip("vllm")
    base = untrained(tmp_path / "small", heads=1, hidden_size=32)
    first, second = (adapter(base, tmp_path / name, seed) for seed, name in enumerate("ab"))
    order = [first, second, base, first, base]
    said = []
    for student in order:
        with asked(base, student, IN_VLLM) as engine:
            said.append([one.text for one in engine.generate(PROMPTS)])
    assert run.loads() == 2
    out = tmp_path / "said.json"
    for student in (first, second, base):
        alone(VLLM, base, out, student)
        (cold,) = json.loads(out.read_text())
        assert all(
            texts == cold for one, texts in zip(order, said, strict=True) if one == student
        ), student.name
    assert len({str(texts) for texts in said}) == 3
