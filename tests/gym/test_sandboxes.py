"""What foreign text can do in the sandbox: compute, and nothing else. In bubblewrap and without."""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.room import GIVEN
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import available, enclosed, stop
from dataenvgym_spec.gym.sandboxes.isolated import Isolated
from dataenvgym_spec.gym.sandboxes.lanes import BESIDE, lanes
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Judgement,
    Program,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.sandboxes.shared import JUDGES, connected, sharing
from tests.support.golden import assert_golden
from tests.support.repositories import ROOT
from tests.support.waiting import wait_until

EVALUATING = Judgement(maker="tests.support.judges:evaluating")
LIMITS = SandboxLimits(seconds=30, cpu=1, memory=1 << 29)
needs_bubblewrap = pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")


@pytest.fixture(
    params=[
        pytest.param("bubblewrap", marks=needs_bubblewrap),
        pytest.param("shared", marks=needs_bubblewrap),
        "process",
    ]
)
def sandbox(request, monkeypatch, tmp_path_factory):
    """In bubblewrap, by itself or with others, and without; it imports the tests' judges."""
    if not calls.possible():
        pytest.skip("there is no filter of system calls for this machine")
    monkeypatch.syspath_prepend(str(ROOT))
    with monkeypatch.context() as apart, contextlib.ExitStack() as stack:
        apart.delenv(JUDGES, raising=False)
        made = Isolated()
        if request.param == "process":
            made.bubblewrap = None
        elif request.param == "shared":
            stack.enter_context(sharing(tmp_path_factory.mktemp("s") / "judges"))
            connection = connected()
            assert connection is not None
            connection.close()
        yield made
        made.close()


def judged(
    sandbox: Isolated, *texts: str, limits: SandboxLimits = LIMITS, computed: bool = False
) -> list[SandboxOutcome]:
    given = [Call(arguments={"text": text}, computed=computed) for text in texts]
    return sandbox.judge(EVALUATING, given, limits)


def test_the_sandbox_isolated_makes_what_its_number_says(sandbox: Isolated) -> None:
    texts = ("6 * 7", "'é' * 3", "1 / 0", "[1, {'a': None}]", "os.fork()", "os._exit(0)")
    outcomes = judged(sandbox, *texts)
    made = [[outcome.ending, outcome.value, outcome.stderr] for outcome in outcomes]
    assert_golden("sandbox", "isolated", {1: "4e34759325114277"}, made)


def test_each_text_has_its_own_process_and_folder_and_values_keep_their_order(
    sandbox: Isolated,
) -> None:
    outcomes = judged(sandbox, *[f"{n}, os.getpid(), os.getcwd()" for n in range(9)])
    numbers, processes, folders = zip(*(outcome.value for outcome in outcomes), strict=True)
    assert numbers == tuple(range(9))
    assert len(set(processes)) == len(set(folders)) == 9


def test_values_come_back_in_order_whoever_shares_a_child(sandbox: Isolated) -> None:
    given = [Call(arguments={"text": f"{n} * 2"}, computed=n % 3 == 0) for n in range(9)]
    outcomes = sandbox.judge(EVALUATING, given, LIMITS)
    assert [outcome.value for outcome in outcomes] == [2 * n for n in range(9)]
    together = judged(sandbox, *["os.getcwd()"] * 3, computed=True)
    assert len({outcome.value for outcome in together}) == 1


def test_a_stage_with_one_processor_has_one_text_judged_at_a_time(
    sandbox: Isolated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GIVEN, "1")
    spans = [outcome.value for outcome in judged(sandbox, *["span(0.1)"] * 4)]
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_as_many_texts_are_judged_at_once_as_a_stage_has_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dataenvgym_spec.core.room.cpus_here", lambda: 8)
    assert lanes({}) == lanes({GIVEN: "6"}) == 4
    assert lanes({GIVEN: "2"}) == 2
    assert lanes({GIVEN: "6", BESIDE: "3"}) == 2, "each process that trains has a judge"
    assert lanes({GIVEN: "2", BESIDE: "3"}) == 1


def test_each_ending_costs_one_text(sandbox: Isolated) -> None:
    texts = {
        "1 / 0": ("failed", "ZeroDivisionError: division by zero"),
        "9 ** 9 ** 9": ("timeout", "it takes too long"),
        "[0] * 10 ** 10": ("memory", "MemoryError"),
        "os._exit(0)": ("failed", "it gave no answer"),
        "exit()": ("failed", "SystemExit: None"),
        "(_ for _ in ()).throw(SystemExit(3))": ("failed", "SystemExit: 3"),
        "os.write(3, b'[' * 100000), os._exit(0)": ("failed", "OSError: [Errno 9] Bad file descriptor"),
        "'x' * 10 ** 7": ("output", "it answers too much"),
        "object()": ("failed", "it gave no answer"),
        "6 * 7": ("returned", ""),
    }  # fmt: skip
    outcomes = judged(sandbox, *texts)
    found = {
        text: (outcome.ending, outcome.stderr)
        for text, outcome in zip(texts, outcomes, strict=True)
    }
    assert found == texts
    assert outcomes[-1].value == 42


def test_a_value_that_is_nested_too_deeply_to_be_read_costs_one_text(sandbox: Isolated) -> None:
    """What the process that judges can read from its shallow stack, this one may not."""

    def from_below(frames: int, texts: list[str]) -> list[SandboxOutcome]:
        return from_below(frames - 1, texts) if frames else judged(sandbox, *texts)

    nested = "__import__('functools').reduce(lambda value, _: [value], range({}), 1)"
    texts = [text for depth in (900, 940, 980) for text in (nested.format(depth), "42")]
    outcomes = from_below(60, texts)
    assert [outcome.value for outcome in outcomes[1::2]] == [42, 42, 42]


def test_what_fails_in_company_is_judged_again_alone(sandbox: Isolated) -> None:
    outcomes = judged(sandbox, "1", "os._exit(0)", "3", "1 / 0", computed=True)
    assert [(outcome.ending, outcome.value) for outcome in outcomes] == [
        ("returned", 1), ("failed", None), ("returned", 3), ("failed", None),
    ]  # fmt: skip


def test_no_program_runs_and_no_connection_opens(sandbox: Isolated, tmp_path: Path) -> None:
    shell, *others = judged(
        sandbox,
        f"os.system('touch {tmp_path}/planted')",
        f"__import__('os').system('touch {tmp_path}/planted')",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "__import__('subprocess').run(['/bin/true'])",
        "lingers(30)",
        "connects()",
    )
    assert shell.value != 0 and others[0].value != 0
    assert [outcome.ending for outcome in others[1:]] == ["refused"] * 5
    assert list(tmp_path.iterdir()) == []


def test_it_is_given_no_variable_and_no_descriptor(
    sandbox: Isolated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    environment, open_ones = judged(
        sandbox,
        "dict(os.environ)",
        "[n for n in range(100) if os.path.exists(f'/proc/self/fd/{n}')]",
    )
    os.close(reading)
    os.close(writing)
    assert not [name for name in environment.value if name.startswith(("API", "DVC", "DATAENVGYM"))]
    # The three standard ones, which lead nowhere, and the one on which it answers.
    assert len(open_ones.value) == 4 and open_ones.value[:3] == [0, 1, 2]


def test_it_writes_nowhere_but_into_its_own_folder(sandbox: Isolated, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    outcomes = judged(
        sandbox,
        f"open('{mine}', 'w')",
        f"os.unlink('{mine}')",
        f"os.rename('{mine}', '{mine}2')",
        f"os.truncate('{mine}', 0)",
        f"os.chmod('{mine}', 0)",
        f"os.mkdir('{tmp_path}/new')",
        f"os.open('{mine}', os.O_RDONLY | os.O_TRUNC)",
    )
    assert {outcome.ending for outcome in outcomes} <= {"failed", "refused"}
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert mine.read_text(encoding="utf-8") == "mine"
    (own,) = judged(sandbox, "open('own', 'w').write('x')")
    assert (own.value == 1) is (sandbox.name == "bubblewrap")


def test_no_text_can_plant_what_the_next_one_imports(sandbox: Isolated) -> None:
    """Nor anything else that outlives it: its folder is nobody else's."""
    plant = (
        "[open(f'{place}/planted.py', 'w').write('value = 1') for place in ('.', '..', '/scratch')]"
    )
    mounts = "len(open('/proc/self/mounts').readlines())"
    _, planted, listed, before, after, again = judged(
        sandbox,
        plant,
        "__import__('planted')",
        "os.listdir('.') + [n for n in os.listdir('..') if 'planted' in n]",
        mounts,
        mounts,
        "__import__('math').floor(2.5)",
    )
    assert planted.stderr == "ModuleNotFoundError: No module named 'planted'"
    assert listed.value == [] and before.value == after.value and again.value == 2


@needs_bubblewrap
def test_stages_that_share_a_process_see_nothing_of_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two at once: the one waits in its folder while the other looks for it."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delenv(JUDGES, raising=False)
    first, second = Isolated(), Isolated()
    waits = "open('mine', 'w').write('x'), sleep(30)"
    with ThreadPoolExecutor() as threads, sharing(tmp_path_factory.mktemp("s") / "judges"):
        waiting = threads.submit(judged, first, waits)
        # Bubblewrap, the process that is shared, and one with a child for each of the two.
        wait_until(lambda: judged(second, "len(processes())")[0].value == 6, "the other text")
        found, kills, traced = judged(
            second,
            "[n for n in processes() if os.path.exists(f'/proc/{n}/cwd/mine')], os.listdir('..')",
            "signals(0, 9, 15, 19)",
            "traces()",
        )
        assert not waiting.done()
    assert found.value[0] == [] and len(found.value[1]) == 1
    assert set(kills.value) == {"PermissionError"} and set(traced.value) == {-1}
    assert waiting.result()[0].ending == "timeout"  # it was begun again, in a process of its own
    second.close()


@needs_bubblewrap
def test_a_shared_process_ends_with_the_one_that_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However early that is: bubblewrap may be killed before it has asked to end with its parent."""
    base = tmp_path_factory.mktemp("s") / "judges"
    code = f"import os; from pathlib import Path; from dataenvgym_spec.gym.sandboxes.shared import sharing\nwith sharing(Path({str(base)!r})): os._exit(0)"
    monkeypatch.delenv(JUDGES, raising=False)
    reading, writing = os.pipe()
    with os.fdopen(reading) as errors:
        subprocess.run([sys.executable, "-c", code], stderr=writing, check=True)
        os.close(writing)
        said = errors.read()  # until nobody has it any longer
    assert "Traceback" not in said


@needs_bubblewrap
def test_in_bubblewrap_it_sees_no_file_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    sandbox = Isolated()
    listed, read, spec = judged(
        sandbox, "os.listdir('/')", f"open('{mine}').read()", f"os.listdir('{ROOT}/specs')"
    )
    sandbox.close()
    assert not {"home", "var", "opt"}.intersection(listed.value)
    assert [outcome.stderr.split(":")[0] for outcome in (read, spec)] == ["FileNotFoundError"] * 2


def test_no_text_can_read_signal_or_change_the_next(sandbox: Isolated) -> None:
    """Nor the process that judges, nor this one."""
    hold = (
        "leaves('left.txt')",
        "signals(0, 9, 15, 19)",
        "traces()",
        "secret_of(os.getppid(), 4096)",
        f"secret_of({os.getpid()}, 4096)",
        "ctypes.CDLL(None).kill(-1, 9)",
        "__import__('resource').prlimit(os.getppid(), 7, (3, 3))",
        "__import__('fcntl').fcntl(0, 8, os.getppid())",
        "os.listdir('..')",
        "os.listdir('.')",
        "40 + 2",
    )
    left, kills, traced, parent, judge, every, limits, owner, beside, here, last = judged(
        sandbox, *hold
    )
    if sandbox.name == "bubblewrap":
        assert left.value == ["left.txt"]
    assert set(kills.value) <= {"PermissionError", "ProcessLookupError"}
    assert set(traced.value) == {-1} and every.value == -1
    for outcome in (parent, judge, limits, owner):
        assert outcome.ending in {"refused", "failed"} and outcome.value is None
    # What the first one left is gone, and nobody else's folder is there.
    assert here.value == [] and "left.txt" not in json.dumps(beside.value)
    assert last.value == 42


def test_memory_that_processes_share_stays(sandbox: Isolated) -> None:
    """A segment needs no file and no descriptor: who has its number can remove it."""
    libc = ctypes.CDLL(None, use_errno=True)
    segment, remove = libc.shmget(0, 4096, 0o1600), 0
    assert segment >= 0
    try:
        (outcome,) = judged(sandbox, f"ctypes.CDLL(None).shmctl({segment}, {remove}, None)")
        assert outcome.value == -1
    finally:
        assert libc.shmctl(segment, remove, None) == 0


def test_a_text_that_ends_the_process_that_judges_costs_itself(
    sandbox: Isolated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it can where there is no filter: on another system, or another processor."""
    monkeypatch.setattr("dataenvgym_spec.gym.sandboxes.isolated.FREE", "free")
    sandbox.free = True
    kill = f"os.kill(os.getppid(), {int(signal.SIGKILL)})"
    outcomes = judged(sandbox, "1", kill, "3")
    assert [(outcome.ending, outcome.value) for outcome in outcomes] == [
        ("returned", 1), ("failed", None), ("returned", 3),
    ]  # fmt: skip


def test_a_text_whose_process_somebody_kills_is_judged_again(
    sandbox: Isolated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The system, without memory, kills whom it likes. One that kills itself does so again."""
    monkeypatch.setattr("dataenvgym_spec.gym.sandboxes.isolated.FREE", "free")
    sandbox.free = True
    first = f"os.path.exists('{tmp_path}/a') or (os.mkdir('{tmp_path}/a'), os.kill(%s, %d))"
    itself, parent = "os.getpid()", "os.getppid()"
    for signal_ in (signal.SIGKILL, signal.SIGTERM):
        (one,) = judged(sandbox, first % (itself, signal_))
        assert (one.ending, one.value) == ("returned", True)
        (tmp_path / "a").rmdir()
    (one,) = judged(sandbox, first % (parent, signal.SIGKILL))
    assert (one.ending, one.value) == ("returned", True)
    (always,) = judged(sandbox, f"os.kill({itself}, {int(signal.SIGKILL)})")
    assert (always.ending, always.stderr) == ("failed", "it gave no answer")


def test_many_calls_are_handed_over_in_blocks(
    sandbox: Isolated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also behind a text that gives none."""
    monkeypatch.setattr("dataenvgym_spec.gym.sandboxes.isolated.BLOCK", 2)
    nested = "__import__('functools').reduce(lambda value, _: [value], range(5000), 1)"
    texts = ["1", "2", "3", nested, nested, "6", "7"]
    outcomes = judged(sandbox, *texts)
    assert [outcome.value for outcome in outcomes] == [1, 2, 3, None, None, 6, 7]


def test_a_judge_that_cannot_be_made_says_why(sandbox: Isolated) -> None:
    broken = Judgement(maker="tests.support.judges:failing", arguments={"why": "no model"})
    with pytest.raises(StageError, match="cannot be started: ValueError: no model"):
        sandbox.judge(broken, [Call(arguments={})], LIMITS)
    missing = Judgement(maker="tests.support.nowhere:failing")
    with pytest.raises(StageError, match="No module named"):
        sandbox.judge(missing, [Call(arguments={})], LIMITS)


@needs_bubblewrap
def test_a_program_runs_without_rights() -> None:
    sandbox, limits = Isolated(), SandboxLimits(seconds=10, cpu=2, memory=1 << 28, output=1000)
    files = {
        "main.py": "import helper; print(helper.twice(int(input())))",
        "helper.py": "twice = lambda n: 2 * n",
    }

    def run(*command: str, seconds: float = 10) -> SandboxOutcome:
        program = Program(command=command, files=files, stdin="21")
        return sandbox.run(
            program, SandboxLimits(seconds=seconds, cpu=2, memory=limits.memory, output=1000)
        )

    good = run("python", "main.py")
    assert (good.ending, good.code, good.stdout) == ("returned", 0, "42\n")
    assert run("python", "-c", "raise SystemExit(3)").code == 3
    assert run("python", "-c", "import os; print(os.listdir('/home'))").ending == "failed"
    away = run("python", "-c", "import socket; socket.create_connection(('127.0.0.1', 9))")
    assert "Errno" in away.stderr and away.ending == "failed"
    assert run("python", "-c", "while True: print('x' * 99)", seconds=1).ending == "output"
    bomb = run("python", "-c", "import os\nwhile True: os.fork()")
    assert "PermissionError" in bomb.stderr
    assert "MemoryError" in run("python", "-c", "x = [0] * 10 ** 9").stderr


@needs_bubblewrap
def test_a_program_whose_file_leads_elsewhere_writes_nothing(tmp_path: Path) -> None:
    """A model may have named it."""
    for name in (f"{tmp_path}/planted.py", "../planted.py", "/planted.py"):
        given = Program(command=("python", "-c", "1"), files={name: "x = 1"})
        assert Isolated().run(given, LIMITS).ending == "failed"
    good = Program(command=("python", "a/b.py"), files={"a/b.py": "print('é')"})
    assert Isolated().run(good, LIMITS).stdout == "é\n"
    assert list(tmp_path.iterdir()) == []


def test_without_bubblewrap_no_program_runs() -> None:
    sandbox = Isolated()
    sandbox.bubblewrap = None
    with pytest.raises(UserError, match="bubblewrap"):
        sandbox.run(Program(command=("python", "-c", "1")), LIMITS)


@needs_bubblewrap
def test_what_is_stopped_while_it_starts_leaves_nothing() -> None:
    """Whatever bubblewrap is doing: before its child is set up, that one does not end with it."""
    program = available()
    assert program is not None
    lives, keeps = os.pipe()
    for number in range(40):
        process = subprocess.Popen(
            [*enclosed(program, scratch=1 << 20), "/bin/cat"],
            stdin=lives,
            stdout=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
        time.sleep(number * 0.0004)  # some moment of its start
        assert stop(process) == -signal.SIGKILL
    os.close(lives)
    readers = select.poll()
    readers.register(keeps, 0)
    wait_until(lambda: readers.poll(0), "nobody reads any more")
    os.close(keeps)
