"""How large and how fast the page of all generated examples is.

    python benchmarks/examples.py [EXAMPLES]

writes an experiment of so many examples (10,000) as its stages would, each with a prompt and a
reply of a teacher, makes the page, and has Chromium load it and find one example.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.experiment import Index, IndexedStage, StageUse
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan, Request
from dataenvgym_spec.records.responses import LoggedResponse
from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.results.experiment import load

TURN: Final = 500
"""Examples of an iteration."""
WORDS: Final = ("a", "number", "of", "apples", "and", "pears", "costs", "twice", "as", "much", "as")


def words(seed: int, count: int) -> str:
    """A text that does not repeat itself."""
    draw = random.Random(seed)
    return " ".join(f"{draw.choice(WORDS)}{draw.randrange(100)}" for _ in range(count))


def write(root: Path, count: int) -> None:
    """An experiment of one arm, in iterations of `TURN` examples."""
    (root / ".dvc").mkdir()
    (root / "experiments").mkdir()
    turns = range(1, 1 + -(-count // TURN))
    stages = []
    for turn in turns:
        use = StageUse(arm="main", seed=0, iteration=turn, label=f"main, iteration {turn}, check")
        reads: tuple[str, ...] = ()
        for kind in ("plan", "generate", "check"):
            key = f"{kind}{turn}"
            stage = IndexedStage(
                directory=f"{kind}-{turn:016x}", key=key, kind=kind, inputs=reads, uses=(use,)
            )
            stages.append(stage)
            reads = (key,)
            log = root / "store" / stage.directory / "log" / "run.json"
            log.parent.mkdir(parents=True)
            write_json(log, Log(started=0.0, seconds={"total": 1.0}))
        numbers = range((turn - 1) * TURN, min(count, turn * TURN))
        _fill(root, turn, [_example(number, turn) for number in numbers])
    index = Index(
        name="many",
        description="",
        arms=("main",),
        seeds=(0,),
        iterations={"main": len(turns)},
        contrasts=(),
        settings={"main": {}},
        inputs={},
        stages=tuple(stages),
    )
    write_json(root / "experiments" / "many.json", index)


def _example(number: int, turn: int) -> Example:
    made = Provenance(
        iteration=turn, plan=f"plan{turn}", teacher="openai", request=number, asks=(f"r/{number}",)
    )
    return Example(
        id=f"{number:016x}",
        input=words(number, 40),
        target=words(-number, 3),
        group="apples",
        cluster=f"{number:016x}",
        skill=f"skill {number % 20}",
        provenance=made,
    )


def _fill(root: Path, turn: int, examples: list[Example]) -> None:
    store = root / "store"
    skills = sorted({example.skill for example in examples})
    requests = tuple(Request(id=skill, count=TURN // 20, skill=skill) for skill in skills)
    allocation = dict.fromkeys(skills, TURN // 20)
    plan = Plan(allocation=allocation, reasons={}, errors={}, iteration=turn, requests=requests)
    rows: dict[str, list[Example] | list[LoggedResponse]] = {
        f"generate-{turn:016x}/out/candidates/examples.jsonl": examples,
        f"generate-{turn:016x}/log/responses.jsonl": [_response(one) for one in examples],
        f"check-{turn:016x}/out/accepted/examples.jsonl": examples[: TURN * 4 // 5],
        f"check-{turn:016x}/out/rejected/examples.jsonl": [],
    }
    for name, content in rows.items():
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(path, content)
    path = store / f"plan-{turn:016x}" / "out" / "plan" / "plan.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, plan)


def _response(example: Example) -> LoggedResponse:
    assert example.provenance is not None
    number = example.provenance.request
    return LoggedResponse(
        key=example.id,
        stage="s",
        at=0.0,
        reply={"text": example.input},
        teacher="big",
        ask=f"r/{number}",
        sample=0,
        messages=({"role": "user", "content": words(number + 10**6, 150)},),
    )


def loaded(page: Path, place: str, wanted: str) -> float:
    """Seconds until Chromium has loaded a page, run it and ended."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("there is no Chromium on the path")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu"]
    command += [
        f"--user-data-dir={page.parent / 'user'}",
        "--virtual-time-budget=600000",
        "--dump-dom",
        f"{page.as_uri()}#{place}",
    ]
    clock = time.monotonic()
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f'role="status">{wanted}' in told, "the example was not found"
    return time.monotonic() - clock


def _head(page: Path) -> str:
    """What the page knows of its examples."""
    _, _, rest = page.read_text(encoding="utf-8").partition('id="head">')
    return rest.partition("</script>")[0]


def main(count: int) -> None:
    """Measures, and prints one line."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write(root, count)
        clock = time.process_time()
        folder = root / "examples"
        folder.mkdir()
        for file, text in browse(load("many", root)):
            (folder / file).write_text(text, encoding="utf-8")
        made = time.process_time() - clock
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows = len(json.loads(_head(folder / "index.html"))["examples"])
        opened = loaded(folder / "index.html", "", f"{rows:,} of {rows:,}")
        searched = loaded(folder / "index.html", f"{count - 1:016x}", "1 of ")
        sizes = [path.stat().st_size / 1e6 for path in folder.iterdir() if path.is_file()]
    print(
        f"{rows:,} of {count:,} examples: {sum(sizes):.1f} MB in {len(sizes)} files, "
        f"made in {made:.1f} s of processor time and {memory:.2f} GB, "
        f"loaded by Chromium in {opened:.1f} s, loaded and searched in {searched:.1f} s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
