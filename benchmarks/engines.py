"""Engines that are kept, beside loading each student, and vLLM beside its own `generate`.

    python benchmarks/engines.py --students 6 --prompts 512
    python benchmarks/engines.py --model FOLDER      # a real model; by default one is made up
    python benchmarks/engines.py --loads 1 4         # real experiments of 1 and 4 iterations
    python benchmarks/engines.py --check             # also exits 1 where a bound is broken

Each student is a LoRA adapter on one base. `kept` gives them to one engine one by one, `cold`
starts a process with an engine for each, as stages do without one. Answers have to be equal.
Then the same engine answers the same prompts by our backend and by vLLM's own `generate`, in turns,
with the same precision, batch, length, adapter and settings of the engine: at least `LEAST` of its
tokens a second. With `--defaults` vLLM's `generate` with its own defaults comes besides, of which
nothing is asked: compiled, not repeatable, with its own precision and limits of batches.

`--loads` runs experiments of a LoRA student and counts, by what engines log, how often a model was
loaded; without engines that is once for each student of each evaluation.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402
from measure import measured, table  # noqa: E402
from repositories import new_repo  # noqa: E402

from dataenvgym_spec.graph.component import Component  # noqa: E402
from dataenvgym_spec.gym.students.backends.loading import load_backend  # noqa: E402
from dataenvgym_spec.gym.students.backends.protocol import GenerationSettings  # noqa: E402
from dataenvgym_spec.language.components import definition  # noqa: E402
from dataenvgym_spec.results.experiment import load  # noqa: E402

BACKENDS: Final = ("transformers", "vllm")
LEAST: Final = 0.95
"""What part of the tokens a second of vLLM's own `generate` our backend has to make."""
RANK: Final = 16
SETTINGS: Final = GenerationSettings(dtype="float32", max_new_tokens=16, batch_size=64)


def engine(backend: str, base: Path, student: Path) -> Any:
    """A backend with a student loaded."""
    component = Component(
        slot="backend", kind=backend, version=definition("backend", backend).version()
    )
    return load_backend(component, settings=SETTINGS, student=student, base=base)


def answer(backend: str, base: Path, students: list[Path], count: int) -> list[list[str]]:
    """What students answer, the first loaded and the others given to the same engine."""
    held, said = None, []
    for student in students:
        if held is None:
            held = engine(backend, base, student)
        else:
            held.adapt(student)
        said.append([one.text for one in held.generate(prompts(count))])
    return said


def prompts(count: int) -> list[str]:
    """Sums, of which no two are equal."""
    return [f"{number // 50} + {number % 50} =" for number in range(count)]


def raw(base: Path, student: Path, count: int, repetitions: int) -> dict[str, Any]:
    """Tokens a second of our backend and of vLLM's own `generate`, on one engine in turns."""
    from vllm import SamplingParams, TokensPrompt

    ours = engine("vllm", base, student)
    llm, codec = ours.engine.llm, ours.engine.codec
    asked = prompts(count)
    tokens = [TokensPrompt(prompt_token_ids=codec.encode(prompt)) for prompt in asked]
    params = SamplingParams(
        temperature=0.0,
        max_tokens=SETTINGS.max_new_tokens,
        stop_token_ids=sorted(codec.ends),
        detokenize=False,
    )

    def by_ours() -> int:
        return sum(one.tokens for one in ours.generate(asked))

    def by_vllm() -> int:
        made = llm.generate(tokens, params, lora_request=ours.engine.request, use_tqdm=False)
        return sum(len(one.outputs[0].token_ids) for one in made)

    rates: dict[str, list[float]] = {"ours": [], "vllm": []}
    made = set()
    for turn in range(repetitions + 1):
        order = [("ours", by_ours), ("vllm", by_vllm)]
        for name, work in order if turn % 2 else order[::-1]:
            ours.engine.forget()
            start = time.perf_counter()
            count_made = work()
            spent = time.perf_counter() - start
            made.add(count_made)
            if turn:  # the first turn warms up
                rates[name].append(count_made / spent)
    ratios = [mine / own for mine, own in zip(rates["ours"], rates["vllm"], strict=True)]
    return {
        "ours": statistics.median(rates["ours"]),
        "vllm": statistics.median(rates["vllm"]),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "tokens": sorted(made),
    }


def defaults(base: Path, student: Path, count: int, repetitions: int) -> dict[str, Any]:
    """Tokens a second of vLLM's `generate` as it comes, told the model, the adapter and no more.

    Not this project's: its backend would set vLLM's variables when it is imported.
    """
    # Of this machine alone; without them vLLM asks the network, and for more memory than there is.
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    llm = LLM(model=str(base), enable_lora=True, max_lora_rank=RANK)
    params = SamplingParams(temperature=0.0, max_tokens=SETTINGS.max_new_tokens)
    adapter, asked, rates = LoRARequest("student", 1, str(student)), prompts(count), []
    for turn in range(repetitions + 1):
        llm.reset_prefix_cache()
        start = time.perf_counter()
        made = llm.generate(asked, params, lora_request=adapter, use_tqdm=False)
        tokens = sum(len(one.outputs[0].token_ids) for one in made)
        if turn:  # the first turn warms up
            rates.append(tokens / (time.perf_counter() - start))
    dtype = str(llm.llm_engine.model_config.dtype)
    llm.llm_engine.engine_core.shutdown()  # which may be a process of its own
    return {"rate": statistics.median(rates), "dtype": dtype}


def made_up(folder: Path, students: int, model: Path | None) -> tuple[Path, list[Path]]:
    """A base, and adapters of random matrices on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from dataenvgym_spec.gym.students.models.scratch import ScratchModel

    base = model or folder / "base"
    if model is None:
        texts = [f"{number} + {number} ={number}" for number in range(50)]
        sizes = {"hidden_size": 256, "intermediate_size": 768, "layers": 6, "heads": 4}
        scratch = ScratchModel(
            **sizes, rope_theta=10000.0, max_positions=256, vocabulary=120, pretrain={}
        )
        scratch.build(texts, 0, base)
    adapters = []
    for seed in range(students):
        torch.manual_seed(seed)
        config = LoraConfig(
            r=RANK, lora_alpha=32, target_modules="all-linear", init_lora_weights=False
        )
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
        adapted.save_pretrained(folder / f"student-{seed}")
        adapters.append(folder / f"student-{seed}")
    return base, adapters


def main() -> None:
    """Runs the benchmark, or one part of it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=6)
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--defaults", action="store_true", help="also vLLM as it comes")
    parser.add_argument("--loads", nargs="+", type=int, metavar="ITERATIONS")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bound is broken")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        kind, out, base, *students = options.part
        folders = [Path(student) for student in students]
        ways = {"raw": raw, "defaults": defaults}
        if kind in ways:
            said: Any = ways[kind](Path(base), folders[0], options.prompts, options.repetitions)
        else:
            said = answer(kind, Path(base), folders, options.prompts)
        Path(out).write_text(json.dumps(said), encoding="utf-8")
        os._exit(0)  # taking an engine apart takes seconds
    with tempfile.TemporaryDirectory() as name:
        if options.loads:
            holds = count_loads(Path(name), options.loads, options.backends)
        else:
            holds = compare(Path(name), options)
    sys.exit(1 if options.check and not holds else 0)


def experiment(name: str, backend: str, iterations: int) -> dict[str, Any]:
    """The quickstart of one arm with a small LoRA student."""
    text = (ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8")
    spec: dict[str, Any] = yaml.safe_load(text)
    spec |= {"name": name, "arms": {"main": {}}, "analysis": {}}
    for split in ("test", "selection", "feedback"):
        spec["task"]["splits"][split]["draw"] = {"per_group": 4}
    student = spec["student"]
    student["model"]["pretrain"]["length"] = {"steps": 5}
    student["train"] |= {
        "adapter": {"kind": "lora", "r": RANK, "alpha": 32},
        "length": {"steps": 2},
    }
    student["generate"]["backend"] = backend
    spec["loop"] |= {"iterations": iterations, "teach": {"examples": 20}}
    return spec


def count_loads(folder: Path, iterations: list[int], backends: list[str]) -> bool:
    """Runs experiments and counts loads; whether a base model is loaded equally often in all."""
    rows, holds = [], True
    for backend in backends:
        counts = set()
        for number in iterations:
            name = f"{backend}-{number}"
            repo = new_repo(folder / name, **{name: experiment(name, backend, number)})
            shutil.copy(ROOT / "specs" / "prompts" / "quickstart.j2", repo / "specs" / "prompts")
            for command in (["dataenvgym", "compile"], ["dataenvgym", "run", name]):
                measured(*command, cwd=repo, DATAENVGYM_TRACK="0")
            log = (repo / ".dataenvgym" / "engines.log").read_text(encoding="utf-8")
            logs = [one.log for one in load(name, repo).stages if one.kind == "evaluate"]
            asked = sum(one.students or 0 for one in logs if one is not None)
            loads = log.count("loaded ")
            counts.add(loads)
            ratio = f"{asked / loads:.1f}"
            rows.append([backend, str(number), str(len(logs)), str(asked), str(loads), ratio])
        holds &= len(counts) == 1
    head = ["backend", "iterations", "evaluations", "loads without engines", "loads", "ratio"]
    table(head, rows)
    return holds


def compare(folder: Path, options: argparse.Namespace) -> bool:
    """Measures all parts and prints the tables; whether answers are equal and fast enough."""
    base, students = made_up(folder, options.students, options.model)
    out = folder / "said.json"

    def part(kind: str, *given: Path) -> tuple[float, float, Any]:
        more = ["--prompts", str(options.prompts), "--repetitions", str(options.repetitions)]
        command = [sys.executable, __file__, *more, "--part", kind, str(out), str(base)]
        usage = measured(*command, *map(str, given), cwd=folder)
        return usage.wall, usage.cpu, json.loads(out.read_text(encoding="utf-8"))

    rows, equal = [], True
    for backend in options.backends:
        wall, cpu, kept = part(backend, *students)
        cold = [part(backend, student) for student in students]
        equal &= kept == [said for _, _, (said,) in cold]
        cold_wall, cold_cpu = (sum(one[index] for one in cold) for index in (0, 1))
        rows.append([
            backend, f"{wall:.1f}", f"{cold_wall:.1f}", f"{cold_wall / wall:.2f}",
            f"{cpu:.1f}", f"{cold_cpu:.1f}", f"{cold_cpu / cpu:.2f}",
        ])  # fmt: skip
    head = ["backend", "kept, s", "cold, s", "ratio", "kept, CPU s", "cold, CPU s", "ratio"]
    table(head, rows)
    print(f"answers are {'equal' if equal else 'NOT equal'}\n")
    if "vllm" not in options.backends:
        return equal
    _, _, speed = part("raw", students[0])
    ratio = speed["ratio"]
    lines = [["vLLM's generate, equal settings", f"{speed['vllm']:.0f}", f"{ratio:.3f}"]]
    if options.defaults:
        _, _, own = part("defaults", students[0])
        title = f"vLLM's generate, its own defaults ({own['dtype']})"
        lines.append([title, f"{own['rate']:.0f}", f"{speed['ours'] / own['rate']:.3f}"])
    lines.insert(0, ["ours", f"{speed['ours']:.0f}", "1"])
    table(["way", "tokens a second", "ours to it"], lines)
    print("ratios of all turns:", " ".join(f"{one:.2f}" for one in speed["ratios"]))
    return bool(equal and ratio >= LEAST)


if __name__ == "__main__":
    main()
