"""The lock: what specs leave open is pinned by asking the real client of a hub on this machine, and `compile` honours it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.compile.rules import renewal
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.language import components as table
from dataenvgym_spec.language.source import parse as parse_text
from dataenvgym_spec.resolve.lockfile import FILE, Lock, Reference, parse, render
from tests.support.hub import Hub, serving
from tests.support.repositories import call
from tests.support.specs import TEMPLATE, TINY

FIRST, SECOND = "1" * 40, "2" * 40
COMMITS = {
    ("models", "maker/small", "main"): "a" * 40,
    ("datasets", "maker/sums", "main"): "1" * 40,
    ("datasets", "maker/sums", "v1.0/x"): "0e" * 20,
}
MODEL = "  model: {kind: hub, id: maker/small, revision: main}\n"
SOURCE = (
    "    sums: {kind: hub, id: maker/sums, revision: main, fields: {input: q, target: a}}\n  score:"
)
Run = Callable[..., subprocess.CompletedProcess[str]]


def with_hub(model: str = MODEL, source: str = SOURCE) -> str:
    """The small spec with a model and a data set of the hub."""
    head, rest = TINY.split("  model:\n")
    text = (head + model + "  train:" + rest.partition("\n  train:")[2]).replace(
        "  score:", source, 1
    )
    return text.replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}").replace(
        "test: {from: problems, draw: {per_group: 6}", "test: {from: sums, draw: {items: 6}"
    )


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on a free port, which ends with the test."""
    with serving(COMMITS) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, hub: Hub) -> Run:
    """Calls the command line in a folder with specs/tiny.yaml, with that hub in reach."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "specs" / "tiny.yaml").write_text(with_hub(), encoding="utf-8")
    reach = hub.reach(tmp_path / "home")
    return lambda *arguments, **more: call(
        "dataenvgym", *arguments, cwd=tmp_path, ok=False, **{**reach, **more}
    )


def keys(root: Path, text: str) -> set[str]:
    (root / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    return {
        stage.id
        for stage in lower(front_end([root / "specs" / "tiny.yaml"], root=root)).graph.stages
    }


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("iterations: 2", "iterations: -1", "E106"),
        ("loop:", "lopp: {}\nloop:", "E102"),
        ("template: ", "template: none-", "E203"),
    ],
)
def test_a_branch_is_told_beside_other_mistakes(
    right: str, wrong: str, code: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "specs" / "tiny.yaml"
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    said = run("validate").stderr
    assert f"error[{code}]" in said
    assert said.count("error[E209]") == 2


def test_branches_are_pinned_and_have_the_keys_of_their_commits(
    run: Run, tmp_path: Path, hub: Hub
) -> None:
    refused = run("compile")
    assert refused.returncode == 2
    assert refused.stderr.count("error[E209]") == 2
    assert "specs/tiny.yaml:" in refused.stderr
    assert "'main' of the model 'maker/small' is a branch or tag" in refused.stderr
    assert "run: dataenvgym lock tiny" in refused.stderr
    assert run("lock", "--check").returncode == 2
    assert not hub.asked
    said = run("lock")
    assert said.returncode == 0, said.stderr
    assert f"model maker/small main -> {'a' * 40}" in said.stdout
    assert sorted(hub.asked) == [
        ("datasets", "maker/sums", "main"),
        ("models", "maker/small", "main"),
    ]
    pinned = keys(tmp_path, with_hub())
    written = keys(
        tmp_path, with_hub(MODEL.replace("main", "a" * 40), SOURCE.replace("main", f"'{FIRST}'"))
    )
    assert pinned == written
    hub.commits["datasets", "maker/sums", "main"] = SECOND
    (tmp_path / "specs" / "tiny.yaml").write_text(with_hub(), encoding="utf-8")
    before = len(hub.asked)
    assert run("lock").stdout.endswith("up to date\n")
    assert run("lock", "--check").returncode == 0
    assert len(hub.asked) == before
    assert keys(tmp_path, with_hub()) == pinned
    assert run("lock", "--update").returncode == 0
    assert (
        keys(tmp_path, with_hub())
        == keys(
            tmp_path,
            with_hub(MODEL.replace("main", "a" * 40), SOURCE.replace("main", f"'{SECOND}'")),
        )
        != pinned
    )


def test_explain_says_that_the_lock_set_a_commit(run: Run) -> None:
    run("lock")
    said = run("explain", "tiny", "student.model.revision").stdout
    assert "a" * 40 in said
    assert f"specs/{FILE}:" in said
    assert "specs/tiny.yaml:" in said


def test_a_tag_with_a_slash_and_a_commit_that_looks_like_a_number(run: Run, tmp_path: Path) -> None:
    (tmp_path / "specs" / "tiny.yaml").write_text(
        with_hub(source=SOURCE.replace("main", "v1.0/x")), encoding="utf-8"
    )
    assert run("lock").returncode == 0
    assert run("validate").returncode == 0
    shown = json.loads(run("lock", "--json").stdout)["locks"][0]
    assert shown["changed"] is False
    assert {
        "type": "dataset",
        "id": "maker/sums",
        "revision": "v1.0/x",
        "commit": "0e" * 20,
    } in shown["hub"]


def test_what_cannot_be_pinned_is_told_at_once_with_places(
    run: Run, tmp_path: Path, hub: Hub
) -> None:
    (tmp_path / "specs" / "tiny.yaml").write_text(
        with_hub(MODEL.replace("small", "none"), SOURCE.replace("main", "mian")), encoding="utf-8"
    )
    refused = run("lock")
    assert refused.returncode == 2
    assert "the hub has no model 'maker/none' that you may see" in refused.stderr
    assert "'maker/sums' has no branch, tag or commit 'mian'" in refused.stderr
    assert refused.stderr.count("specs/tiny.yaml:") == 2
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "specs" / FILE).exists()
    offline = run("lock", HF_HUB_OFFLINE="1")
    assert offline.returncode == 2
    assert "HF_HUB_OFFLINE is set" in offline.stderr
    port = hub.server_address[1]
    hub.shutdown()
    hub.server_close()
    nobody = run("lock")
    assert nobody.returncode == 2
    assert f"the hub at http://127.0.0.1:{port} cannot be asked" in nobody.stderr


JSONL = "    sums: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}\n  score:"


def local(root: Path) -> Path:
    """A folder with a spec that names a data file, and its lock."""
    (root / "prompts").mkdir()
    (root / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    rows = "".join(f'{{"q": {number}, "a": "1"}}\n' for number in range(300))
    (root / "items.jsonl").write_text(rows, encoding="utf-8")
    text = TINY.replace("  score:", JSONL, 1).replace("test: {from: problems", "test: {from: sums")
    (root / "tiny.yaml").write_text(text, encoding="utf-8")
    specs = front_end([root / "tiny.yaml"], root=root)
    lock = renewal.renewed(Lock(), renewal.wanted(specs), {}, update=False, keep=False)
    (root / FILE).write_text(render(lock), encoding="utf-8")
    return root / "tiny.yaml"


def refused(path: Path) -> str:
    with pytest.raises(SpecError) as error:
        front_end([path], root=path.parent)
    return str(error.value)


def test_a_data_file_that_changed_is_told_where_it_is_named(tmp_path: Path) -> None:
    path = local(tmp_path)
    front_end([path], root=tmp_path)
    with (tmp_path / "items.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"q": "2", "a": "2"}\n')
    said = refused(path)
    assert (
        "error[E210]: the file 'items.jsonl' changed: it was locked with 300 rows, sha256 " in said
    )
    assert "and holds 301 rows" in said
    assert "tiny.yaml:" in said.splitlines()[0]
    assert f"locked at {FILE}:" in said
    assert "dataenvgym lock --update" in said


def test_another_version_of_a_component_or_stage_kind_is_told(tmp_path: Path) -> None:
    path = local(tmp_path)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    content = json.loads(text)
    content["components"]["policy.allocate"] = {
        "version": "source:12ab",
        "distribution": "other-policies",
        "release": "0.4",
    }
    content["stages"]["train"] = 7
    (tmp_path / FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    said = refused(path)
    assert (
        "the policy 'allocate' was locked at version source:12ab (other-policies 0.4), but version 1 is installed (dataenvgym-spec "
        in said
    )
    assert (
        "install other-policies 0.4, or accept what is installed: dataenvgym lock --update" in said
    )
    assert "stages of kind 'train' were locked at version 7, but version 1 is installed" in said
    content["components"]["policy.allocate"] |= {
        "version": 1
    }  # another release with the same results is no difference
    content["stages"]["train"] = 1
    (tmp_path / FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    front_end([path], root=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "<<<<<<< ours\n{}\n",
        "[]",
        '{"format": 2}',
        '{"format": 1, "hub": {"model": {"a/b": {"main": "x"}}}}',
        "\x00",
    ],
)
def test_a_damaged_lock_is_told_with_a_remedy(text: str, tmp_path: Path) -> None:
    path = local(tmp_path)
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    said = refused(path)
    assert FILE in said
    assert "dataenvgym lock --update" in said
    assert said.count("error[") == 1


def test_a_lock_is_what_was_written(tmp_path: Path) -> None:
    local(tmp_path)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    lock = parse(parse_text(text, file=FILE))
    assert render(lock) == text
    hub = {
        Reference(type="model", id="a/b", revision="main"): FIRST,
        Reference(type="dataset", id="a/b", revision="1.0"): SECOND,
    }
    assert parse(parse_text(render(Lock(hub=hub)), file=FILE)).hub == hub


def test_a_lock_of_one_spec_keeps_what_others_pinned(run: Run, tmp_path: Path) -> None:
    assert run("lock").returncode == 0
    (tmp_path / "specs" / "second.yaml").write_text(
        TINY.replace("name: tiny", "name: second"), encoding="utf-8"
    )
    assert run("lock", "second").returncode == 0
    assert (
        len(json.loads((tmp_path / "specs" / FILE).read_text(encoding="utf-8"))["hub"]["model"])
        == 1
    )
    (tmp_path / "specs" / "tiny.yaml").unlink()
    assert run("lock", "--check").returncode == 2
    assert run("lock").returncode == 0
    assert json.loads((tmp_path / "specs" / FILE).read_text(encoding="utf-8"))["hub"] == {
        "dataset": {},
        "model": {},
    }


def test_every_slot_of_components_is_locked(tmp_path: Path) -> None:
    path = local(tmp_path)
    text = path.read_text(encoding="utf-8").replace(
        "train: {length: {steps: 6}", "train: {adapter: {kind: lora}, length: {steps: 6}"
    )
    (spec,) = front_end([path], root=tmp_path) if path.write_text(text, encoding="utf-8") else ()
    named = {slot for arm in spec.arms for slot, _, _ in arm.experiment.components()}
    # A sandbox, say, is an option of the components that need one.
    assert named == {slot for slot, kinds in table.definitions().items() if kinds} - {
        "sandbox",
        "painter",
        "proposer",
    }


def test_the_hub_client_is_imported_by_nothing_but_lock(run: Run) -> None:
    code = "import sys; sys.argv = ['dataenvgym', 'validate']\nfrom dataenvgym_spec.cli.main import main\ntry:\n main()\nexcept SystemExit:\n pass\nprint('huggingface_hub' in sys.modules, 'httpx' in sys.modules)"
    run("lock")
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split()[-2:] == ["False", "False"]
