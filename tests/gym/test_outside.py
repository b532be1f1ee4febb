"""A policy outside of the process: what it is given, what it may answer, and what a user is told where it does not."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.journaled import around
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym import make as maker
from dataenvgym_spec.gym import outside, posting
from dataenvgym_spec.gym.environments.contract import Contract
from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.outside import OutsidePolicy
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.questions.services import unusable
from tests.support import desks
from tests.support.golden import OBSERVE, Workshop, assert_golden, component, make
from tests.support.graphs import compiled, findings
from tests.support.specs import TINY, TREE
from tests.support.waiting import gone

COMMAND, URL, KEY = (f"DATAENVGYM_POLICY_MY_POLICY_{word}" for word in ("COMMAND", "URL", "KEY"))
STATE = SkillListState(skills=("a", "b"), scores={"a": SkillScore(accuracy=0.5, items=8)})
EVEN = '{"allocation": {"a": 30, "b": 30}}'
SECRET = "sk-planted-0123456789"
LIST = make("environment", component("environment", "skill-list"))


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (COMMAND, URL, KEY):
        monkeypatch.delenv(name, raising=False)


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that the environment names as the policy; `calls` beside it counts."""
    path = folder / "policy.py"
    counts = f"open({str(folder / 'calls')!r}, 'a').write('.')\n"
    path.write_text(f"import json, os, sys, time\n{counts}{text}\n", encoding="utf-8")
    monkeypatch.setenv(COMMAND, f"{sys.executable} -I -S '{path}'")
    return path


def calls(folder: Path) -> int:
    path = folder / "calls"
    return len(path.read_text()) if path.exists() else 0


def policy(timeout: float = 20.0) -> OutsidePolicy:
    return OutsidePolicy(name="my-policy", version=1, timeout=timeout)


def tools(state: SkillListState = STATE, seed: int = 4) -> Tools:
    return Tools(seed=seed, contract=Contract.of(LIST, state, 60, kind="skill-list"))


def act(made: Any = None, state: SkillListState = STATE) -> Any:
    return (made or policy()).act(state, 60, tools(state))


@contextmanager
def answering(handle: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A service on loopback; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            handle(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/act"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def say(to: BaseHTTPRequestHandler, text: str, status: int = 200, **headers: str) -> None:
    to.send_response(status)
    for name, value in {"Content_Length": str(len(text.encode())), **headers}.items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()
    to.wfile.write(text.encode())


# --- what it is given, and what it answers -----------------------------------------------------


def test_a_command_gets_the_state_and_gives_the_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "given = json.load(sys.stdin)\nopen(os.environ['SEEN'], 'w').write(json.dumps([given, os.listdir()]))\n"  # fmt: skip
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))
    program(tmp_path, f"{text}print({EVEN!r})", monkeypatch)
    assert act() == Allocation(allocation={"a": 30, "b": 30})
    given, folder = json.loads((tmp_path / "seen.json").read_text())
    assert given == {
        "format": 1, "environment": "skill-list", "budget": 60, "seed": 4,
        "state": {"skills": ["a", "b"], "scores": {"a": {"accuracy": 0.5, "items": 8}}},
    }  # fmt: skip
    assert folder == []  # it starts in an empty folder, not in the store
    assert_golden("policy", "outside", {1: "8823a52e01ce7528"}, given)


def test_an_address_gets_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def handle(to: BaseHTTPRequestHandler, body: bytes) -> None:
        seen.append((json.loads(body), to.path, to.headers["Authorization"]))
        say(to, EVEN)

    with answering(handle) as address:
        monkeypatch.setenv(URL, address)
        assert act().allocation == {"a": 30, "b": 30}
        monkeypatch.setenv(KEY, SECRET)
        act()
    (first, path, key), (second, _, other) = seen
    assert first == second and first["state"]["skills"] == ["a", "b"] and path == "/act"
    assert (key, other) == (None, f"Bearer {SECRET}")


# --- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("print('no JSON')", "is no action: it is not JSON"),
        (r"""print('{"reasons": {"a": "\\ud83d"}}')""", "is no action: it is not JSON"),
        ("""print('{"allocation": {"A": 1}}')""", "the skill 'A', which there is not; allowed here: a, b"),
        ("""print('{"allocation": {"a": 1.5}}')""", "at `$.allocation[...]`"),
        ("""print('{"allocation": {"a": 1}, "resons": {}}')""", "at `$` is 'resons'"),
        ("sys.exit('the model is out')", "ended with status 1: the model is out"),
        ("print('x' * 9_000_000)", "longer than 4194304 bytes"),
        ("sys.stdout.buffer.write(bytes([255]))", "not UTF-8"),
    ],
)  # fmt: skip
def test_what_a_command_does_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    program(tmp_path, text, monkeypatch)
    with pytest.raises(StageError) as error:
        act()
    assert told in str(error.value) and "'my-policy'" in str(error.value)


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nopen(os.environ['CHILD'], 'w').write(str(child.pid))\ntime.sleep(60)"  # fmt: skip
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    program(tmp_path, text, monkeypatch)
    with pytest.raises(StageError, match=r"longer than 3\.5 s"):
        act(policy(timeout=3.5))
    assert calls(tmp_path) == 1
    child = tmp_path / "child"
    assert not child.exists() or gone([int(child.read_text())])


def test_a_command_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMMAND, "/no/such/program --now")
    with pytest.raises(StageError, match="'/no/such/program' cannot be started"):
        act()
    monkeypatch.setenv(COMMAND, "python3 'open")
    with pytest.raises(StageError, match="cannot be read: No closing quotation"):
        act()


def test_no_shell_reads_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, f"open({str(tmp_path / 'args')!r}, 'w').write(repr(sys.argv[1:]))\nprint({EVEN!r})", monkeypatch)  # fmt: skip
    monkeypatch.setenv(COMMAND, f"{sys.executable} '{tmp_path / 'policy.py'}' ; '$(id)' && x")
    act()
    assert (tmp_path / "args").read_text() == "[';', '$(id)', '&&', 'x']"


def wrong(how: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def handle(to: BaseHTTPRequestHandler, _body: bytes) -> None:
        if how == "moved":
            say(to, "", 302, Location="http://127.0.0.1:9/elsewhere")
        elif how == "refused":
            say(to, f"the key {SECRET} is wrong", 403)
        elif how == "cut":
            say(to, EVEN[:-4], Content_Length="999")
        elif how == "long":
            say(to, "x" * 5_000_000)
        else:
            threading.Event().wait(0.5)

    return handle


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("moved", "HTTP status 302"),  # to nowhere that the user has not named
        ("refused", "HTTP status 403: the key [key] is wrong"),
        ("cut", "bytes early"),
        ("long", "longer than 4194304 bytes"),
        ("hangs", "longer than 0.2 s"),
    ],
)
def test_what_an_address_does_wrong_is_told_without_its_key(
    monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    with answering(wrong(how)) as address:
        monkeypatch.setenv(URL, address)
        with pytest.raises(StageError) as error:
            act(policy(timeout=0.2 if how == "hangs" else 20.0))
    assert told in str(error.value) and SECRET not in f"{error.value} {error.value.help}"


@pytest.mark.parametrize("echo", [SECRET, SECRET.replace("sk-", r"\u0073k-")])
def test_an_answer_holds_no_key_either(monkeypatch: pytest.MonkeyPatch, echo: str) -> None:
    monkeypatch.setenv(KEY, SECRET)
    said = EVEN.replace("}}", f'}}, "reasons": {{"a": "by {echo}"}}}}')
    with answering(lambda to, _body: say(to, said)) as address:
        monkeypatch.setenv(URL, address)
        assert act().reasons == {"a": "by [key]"}


def test_a_command_has_all_keys_and_none_of_them_is_kept_or_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_API_KEY", SECRET)
    said = EVEN.replace("}}", '}, "reasons": {"a": "by KEY"}}')
    program(tmp_path, f"print({said!r}.replace('KEY', os.environ['OTHER_API_KEY']))", monkeypatch)
    assert act(journaled(desks.desk(tmp_path))).reasons == {"a": "by [key]"}
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"by [key]" in data for data in kept)
    assert not any(SECRET.encode() in data for data in kept)
    program(tmp_path, "sys.exit(os.environ['OTHER_API_KEY'] + ' is wrong')", monkeypatch)
    with pytest.raises(StageError, match=r"status 1: \[key\] is wrong"):
        act()
    # Of what is cut no part of a key is left.
    program(tmp_path, f"sys.exit(os.environ['OTHER_API_KEY'] + ' {'x' * 1989}')", monkeypatch)
    with pytest.raises(StageError) as error:
        act()
    assert "0123456789" not in str(error.value) and "xxx" in str(error.value)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("http://ann:planted@127.0.0.1", ""),
        ("http://ann:planted@127.0.0.1:9/", ""),
        ("http://127.0.0.1:planted/", ""),
        ("http://[::1/planted", ""),
        ("http://127.0.0.1:9/", "planted\nsecret"),
        ("http://127.0.0.1:9/", "plänted-planted"),
        ("http://127.0.0.1:9/?key=planted", SECRET),
    ],
)
def test_no_message_holds_what_stands_in_an_address_or_a_key(
    monkeypatch: pytest.MonkeyPatch, address: str, key: str
) -> None:
    monkeypatch.setenv(URL, address)
    monkeypatch.setenv(KEY, key)
    with pytest.raises(StageError) as error:
        act()
    assert "planted" not in f"{error.value.message} {error.value.help}"
    # Nor does what looks at no variable itself.
    with pytest.raises(posting.Failed) as failed:
        posting.posted(address, b"{}", key=key or None, timeout=5, longest=9)
    assert "planted" not in f"{failed.value} {failed.value.help}"


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(wrong("moved")) as address:
        pass
    monkeypatch.setenv(URL, address)
    with pytest.raises(StageError, match="cannot be reached"):
        act()


# --- who may be asked --------------------------------------------------------------------------


def test_only_what_the_user_names_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match=f"not allowed here: neither {COMMAND} nor {URL} is set"):
        act()
    monkeypatch.setenv(COMMAND, "true")
    monkeypatch.setenv(URL, "http://127.0.0.1:9")
    with pytest.raises(StageError, match=f"both {COMMAND} and {URL} are set"):
        act()
    monkeypatch.delenv(COMMAND)
    monkeypatch.setenv(URL, SECRET)
    with pytest.raises(StageError) as error:
        act()
    assert "begins with no http:// or https://" in str(error.value) and SECRET not in str(error.value)  # fmt: skip


ALLOCATE = "kind: allocate, power: 1.0, floor: 0.2"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("kind: outside, name: my-policy", "the policy 'outside' cannot be asked: 'my-policy' is not allowed here"),
        ("kind: llm, teacher: writer", "the teacher 'writer' cannot be asked: the key of 'openai' is missing"),
    ],
)  # fmt: skip
def test_before_a_run_a_plan_says_what_is_missing(tmp_path: Path, policy: str, told: str) -> None:
    text = TINY.replace(ALLOCATE, policy)
    text = text.replace("teachers:\n", "teachers:\n  writer: {kind: openai, model: m}\n")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "tiny.j2").write_text("{{ input }}", encoding="utf-8")
    path = tmp_path / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    specs = front_end([path], root=tmp_path)
    stages = lower(specs).graph.stages
    found = unusable(specs, stages, {})
    assert [it.code for it in found] == ["E211"] and told in found[0].message
    assert not unusable(specs, stages, {COMMAND: "x", "OPENAI_API_KEY": "x"})


@pytest.mark.parametrize("where", ["skill-list", "open-ended", TREE])
def test_it_serves_every_environment_and_no_spec_says_where_it_is(
    tmp_path: Path, where: str
) -> None:
    text = TINY.replace("skill-list", where).replace(ALLOCATE, "kind: outside, name: mine")
    assert not findings(tmp_path, text)
    for more in ("url: http://x", "command: rm", "name: ../x", "name: Mine"):
        odd = text.replace("name: mine", more if more[:4] == "name" else f"name: mine, {more}")
        assert {it.code for it in findings(tmp_path, odd)} in ({"E102"}, {"E106"})


# --- the journal -------------------------------------------------------------------------------


def journaled(desk: Desk, **options: Any) -> OutsidePolicy:
    plain = component("policy", "outside", **{"name": "my-policy", "version": 1, **options})
    made: OutsidePolicy = maker.make(
        Component.parse("policy", plain), around=around(desk, lambda _word: [])
    )
    return made


def test_an_equal_state_has_an_equal_answer_and_a_replay_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, f"print({EVEN!r})", monkeypatch)
    with_journal = journaled(desks.desk(tmp_path))
    first = act(with_journal)
    assert act(journaled(desks.desk(tmp_path, stage="o" * 64))) == first and calls(tmp_path) == 1
    monkeypatch.delenv(COMMAND)
    assert act(journaled(desks.desk(tmp_path, replay=True))) == first
    other = SkillListState(skills=("a",))
    with pytest.raises(StageError, match="not in the journal: the answer of 'my-policy'"):
        act(journaled(desks.desk(tmp_path, replay=True)), other)
    program(tmp_path, f"print({EVEN!r})", monkeypatch)
    act(journaled(desks.desk(tmp_path, seed=8)))  # another run is another question
    act(journaled(desks.desk(tmp_path), version=2))  # and so is another program
    act(journaled(desks.desk(tmp_path), timeout=5.0))  # which its time is not
    assert calls(tmp_path) == 3


def test_what_cannot_be_used_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a program that was corrected is asked again."""
    program(tmp_path, """print('{"allocation": {"A": 1}}')""", monkeypatch)
    with pytest.raises(StageError, match="the skill 'A'"):
        act(journaled(desks.desk(tmp_path)))
    program(tmp_path, f"print({EVEN!r})", monkeypatch)
    assert act(journaled(desks.desk(tmp_path))).allocation == {"a": 30, "b": 30}


# --- what it sees ------------------------------------------------------------------------------


def test_a_blind_arm_tells_it_nothing_of_a_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a plan stage sends is the same whatever a student answered, unless the arm observes it."""
    text = "given = json.load(sys.stdin)\nopen(os.environ['SEEN'], 'a').write(json.dumps(given, sort_keys=True) + '\\n')\nprint(json.dumps({'allocation': {skill: 5 for skill in given['state']['skills']}}))"  # fmt: skip
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    program(tmp_path, text, monkeypatch)
    made = Workshop(tmp_path / "work")
    made.data("feedback", show=0.25)
    items = (("items", "feedback", "shown"), ("items", "feedback", "hidden"))
    made.run("skills", "skills", {"discover": component("discovery", "gold")}, items)
    for student in ("base", "taught"):
        for port in ("shown", "hidden"):
            made.answers(f"{student}-{port}", "feedback", port)
    said = component("policy", "outside", name="my-policy", version=1)
    for number, (observe, student) in enumerate(
        [("nothing", "base"), ("nothing", "taught"), (OBSERVE, "base"), (OBSERVE, "taught")]
    ):
        params = {"observe": observe, "policy": said, "amount": 20, "seed": 7}
        reads = [("skills", "skills", "skills")]
        if observe != "nothing":
            reads += [("results", f"{student}-{port}", port) for port in ("shown", "hidden")]
        made.run(f"plan-{number}", "plan", params, tuple(reads))
    blind, same, base, taught = (tmp_path / "seen").read_text().splitlines()
    assert blind == same and set(json.loads(blind)["state"]) == {"skills"}
    assert base != taught and json.loads(base)["state"]["scores"]


def test_it_reads_no_port_that_another_policy_does_not(tmp_path: Path) -> None:
    """So the proof of no leakage, which is about ports, covers what leaves the process."""

    def edges(text: str) -> list[Any]:
        graph = compiled(tmp_path, text)
        by_id = graph.by_id()
        plans = [stage for stage in graph.stages if stage.kind == "plan"]
        return sorted(
            (stage.uses[0].arm, stage.uses[0].what, item.slot, by_id[item.stage].kind, item.port)
            for stage in plans
            for item in stage.inputs
        )

    asking = TINY.replace("teachers:\n", "teachers:\n  writer: {kind: openai, model: m}\n")
    usual = edges(asking)
    assert edges(asking.replace(ALLOCATE, "kind: outside, name: my-policy")) == usual
    assert edges(asking.replace(ALLOCATE, "kind: llm, teacher: writer")) == usual


def test_the_size_is_bounded_by_a_number_that_the_page_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "outside-policies.md"
    assert f"{outside.LONGEST // 2**20} MiB" in page.read_text(encoding="utf-8")
