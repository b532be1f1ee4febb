"""Training and generation outside of a stage."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.execute.warm import client
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import GateParams
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.prompt import Prompt, Prompts
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import (
    Backend,
    Completion,
    GenerationSettings,
)
from dataenvgym_spec.gym.students.trainers.protocol import (
    Job,
    TrainingExample,
    TrainingSettings,
)
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.language.components import definition, standard
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import call, environment, session

TRAIN = {
    "length": {"steps": 60},
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "batch_size": 16,
    "max_length": 64,
    "dtype": "float32",
}
SETTINGS = GenerationSettings(dtype="float32", max_new_tokens=6, batch_size=8)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
BREAKING = "now it breaks"
"""What a process says before it asks vLLM for what fails."""
PROMPTS = [f"{a} + {b} =" for a in range(1, 9) for b in (3, 17, 40)]


def context(folder: Path) -> Context[GateParams]:
    """What an executor of training is handed."""
    for name in ("out/student", "log", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Context(
        key="k",
        params=GateParams(patience=1),
        reads=(),
        files={},
        out_folder=folder / "out",
        log=folder / "log",
        work=folder / "work",
        say=print,
    )


def standard_trainer() -> Component:
    """The trainer that trains where a spec names none."""
    declared = definition("trainer", standard("trainer"))
    return Component(slot="trainer", kind=declared.kind, version=declared.version())


def trained(
    folder: Path,
    base: Path,
    examples: Path,
    *,
    trainer: Component | None = None,
    adapter: Component | None = None,
    score: Component | None = None,
    **more: Any,
) -> Context[GateParams]:
    """Trains a student in processes of its own; it is in `out/student`."""
    made = context(folder)
    launch(
        made,
        base=base,
        examples=examples,
        trainer=trainer or standard_trainer(),
        adapter=adapter,
        score=score,
        settings=TrainingSettings.parse({**TRAIN, **more}),
        seed=0,
        out=folder / "out" / "student",
    )
    return made


def sums(path: Path, count: int = 200, *, spoken: int = 0) -> Path:
    """Writes examples of addition.

    Args:
        path: a JSON-lines file.
        count: how many are texts.
        spoken: how often all `conversations` are there besides. Their answer is always the same,
            which a small student learns by heart together with the end of its turn.
    """
    pairs = [divmod(number, 10) for number in range(count)]
    rows = [TrainingExample(prompt=f"{a} + {b} =", completion=str(a + b)) for a, b in pairs]
    rows += [TrainingExample(prompt=prompt, completion="7") for prompt in conversations()] * spoken
    write_rows(path, rows)
    return path


def conversations() -> list[Prompt]:
    """Additions as a conversation asks for them: a system text, and two answered before.

    The last question spells out what ends a text.
    """
    shots = [_item("2 + 5", "7"), _item("20 + 1", "21")]
    prompts = Prompts("{{ input }} =", chat=True, system="Add.", shots=shots)
    questions = [f"{a} + {b}" for a in range(1, 7) for b in (3, 4)]
    return [prompts.prompt(_item(question, "")) for question in [*questions, "1<end>1"]]


def _item(question: str, target: str) -> Item:
    return Item(id=question, input=question, target=target, group="sum", cluster="1")


def job_in(
    folder: Path,
    base: Path,
    settings: Mapping[str, Any],
    *,
    adapter: Adapter | None = None,
    processes: int = 1,
    device_batch: int = 4,
) -> Job:
    """A training in this process on the examples in a folder, which gets all that it makes."""
    (folder / "out").mkdir(exist_ok=True)
    return Job(
        base=base,
        examples=folder / "examples.jsonl",
        settings=TrainingSettings.parse({**TRAIN, **settings}),
        adapter=adapter,
        seed=0,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        loss=folder / "loss.jsonl",
        facts=folder / "facts.json",
        processes=processes,
        device_batch=device_batch,
        accumulation=1,
        checkpoint_seconds=60,
    )


def training_job(
    folder: Path, base: Path, examples: Sequence[TrainingExample], **settings: Any
) -> Job:
    """A training of all weights in this process."""
    write_rows(folder / "examples.jsonl", examples)
    return job_in(folder, base, {"batch_size": 4, **settings})


def completions(
    student: Path,
    base: Path | None = None,
    *,
    prompts: Sequence[Prompt | str] = PROMPTS,
    batch_size: int = 8,
) -> list[Completion]:
    settings = msgspec.structs.replace(SETTINGS, batch_size=batch_size)
    return loaded(student, base, "transformers", settings).generate(prompts)


def loaded(
    student: Path, base: Path | None, backend: str, settings: GenerationSettings = SETTINGS
) -> Backend:
    version = definition("backend", backend).version()
    component = Component(slot="backend", kind=backend, version=version)
    return load_backend(component, settings=settings, student=student, base=base)


def alone(code: str, *arguments: Path) -> str:
    """Runs code in a process of its own, since vLLM is there for the life of one.

    Returns:
        What it writes.
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", f"import sys; from pathlib import Path\n{code}"]
    command += map(str, arguments)
    given: dict[str, Any] = {"PYTHONPATH": str(root), **ONE_THREAD}
    return call(*command, cwd=root, apart=True, together=True, **given).stdout


def answered(student: Path, base: Path) -> dict[str, Any]:
    """What vLLM answers: greedily, in conversations, and drawn in several orders.

    One engine does it all, since it is there for the life of a process.
    """
    engine: Any = loaded(student, base, "vllm")
    long = ["1" * 60, "1" * 64, "1" * 65]
    greedy = [asdict(answer) for answer in engine.generate([*PROMPTS, *long])]
    chats = [asdict(answer) for answer in engine.generate(conversations())]
    engine.settings = msgspec.structs.replace(SETTINGS, temperature=1.0, top_p=0.9)
    seeds = list(range(len(PROMPTS)))

    def texts(step: int, seeds: list[int]) -> list[str]:
        answers = engine.generate(PROMPTS[::step], seeds[::step])
        return [answer.text for answer in answers][::step]

    drawn = [texts(1, seeds), texts(1, seeds), texts(-1, seeds), texts(1, seeds[::-1])]
    engine.settings, engine.engine.request = SETTINGS, None  # the base, not the adapter
    before = [asdict(answer) for answer in engine.generate(conversations())]
    said: dict[str, Any] = {"greedy": greedy, "chats": chats, "drawn": drawn, "before": before}
    said["eager"] = eager(engine)
    teacher = teacher_in_vllm(base)  # kept: what ends an engine ends the groups of all
    said["teacher"] = [answer.plain() for answer in replies(teacher)]
    print(BREAKING, flush=True)
    return {**said, "broken": broken(engine)}


def broken(engine: Any) -> str:
    """What vLLM's backend says once the weights of its student are no numbers."""
    engine.engine.llm.apply_model(_break)
    try:
        engine.generate(PROMPTS[:1], [0])
    except StageError as error:
        return error.message
    return ""


def _break(model: Any) -> None:
    model.model.norm.weight.data.fill_(math.nan)


def eager(engine: Any) -> list[bool]:
    """Whether vLLM is told to compute eagerly: where a rerun must give the same, and elsewhere."""
    started = engine.engine
    with patch.object(sys.modules[type(started).__module__], "LLM", dict):
        told = []
        for repeatable in (True, False):
            started.repeatable = repeatable
            told.append(started.started(Path(), {})["enforce_eager"])
    return told


SHAPE = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 4}},
    "required": ["answer"],
    "additionalProperties": False,
}
QUESTION = Ask.of("json", "2 + 2 =", shape=SHAPE, samples=3, seed=5)
SPOKEN = [Ask.of(f"plain {n}", f"{n} + 3 =", samples=2) for n in range(4)]


def teacher_in_vllm(model: Path) -> Teacher:
    """A teacher of a model in a folder."""
    options = {"dtype": "float32", "temperature": 1.0, "top_p": 0.9, "max_tokens": 24}
    options |= {"logprobs": True, "concurrency": 8}
    part = Component(slot="model", kind="path", version=2, options={"path": "sha256:1"})
    described = Component(
        slot="teacher", kind="vllm", version=1, options=options, parts={("model",): part}
    )
    teacher: Teacher = make(described, files={"sha256:1": model})
    return teacher


def replies(teacher: Teacher) -> list[Reply]:
    """What a teacher answers: to several questions at once, then to two of them alone."""
    together = list(teacher.answer([QUESTION, *SPOKEN]))
    return [*together, *teacher.answer([SPOKEN[2]]), *teacher.answer([QUESTION])]


@contextmanager
def warm_trainers(folder: Path) -> Iterator[dict[str, str]]:
    """Trainers find the heavy worker of this test session, which is started if there is none."""
    with patch.dict(os.environ, environment()):
        path = client.socket_path(session(), "heavy")
        assert path is not None
        connection = client.connect(path) or client.start(
            Layout(root=folder), path, session(), "heavy"
        )
    assert connection is not None
    connection.close()
    where = {client.WORKER: str(path)}
    with patch.dict(os.environ, where):
        yield where
