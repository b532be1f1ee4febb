"""`dataenvgym bundle`: what travels, what does not and is said, and that it holds no secret."""

import json
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import Journal
from tests.support.bundles import bundled, parts_of, report_of, with_results
from tests.support.packages import PACKAGES
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import SMALL


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose small study has results. Not to be changed; copy it."""
    return with_results(new_repo(tmp_path_factory.mktemp("made") / "repo", SMALL))


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "repo", symlinks=True))


def paths(bundle: Path) -> list[str]:
    return [row["path"] for row in parts_of(bundle).manifest["files"]]


def test_a_spec_alone_is_small_and_says_what_stays(study: Path) -> None:
    said = call("dataenvgym", "bundle", "tiny", cwd=study).stdout
    assert "wrote 'tiny.bundle.tar.gz'" in said
    assert "results   stay here (--with results)" in said
    assert "does not travel" not in said
    parts = parts_of(study / "tiny.bundle.tar.gz")
    assert paths(study / "tiny.bundle.tar.gz") == ["specs/prompts/tiny.j2", "specs/tiny.yaml"]
    assert len(parts.members) == 2 and parts.manifest["objects"] == []
    assert len(parts.manifest["stages"]) == 15
    ignored = call("git", "status", "--porcelain", cwd=study).stdout
    assert "bundle" not in ignored, "git takes no bundle"


def test_no_report_travels(study: Path, tmp_path: Path) -> None:
    report = report_of(study, b"")
    (experiment,) = parts_of(bundled(study, tmp_path / "b")).manifest["experiments"]
    assert experiment.keys() == {"name", "stages"}
    held = {row["md5"] for row in parts_of(tmp_path / "b").manifest["objects"]}
    assert held and len(report.objects) > 5 and not held & report.objects.keys()


def test_the_same_study_gives_the_same_bytes(study: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(study, tmp_path / "elsewhere" / "copy"))
    for path in other.rglob("*.yaml"):
        path.touch()
    first = bundled(study, tmp_path / "a", "results,students,journal")
    second = bundled(other, tmp_path / "b", "results,students,journal")
    assert first.read_bytes() == second.read_bytes()


def test_students_stay_unless_they_are_asked_for(study: Path, tmp_path: Path) -> None:
    without = parts_of(bundled(study, tmp_path / "a", "results")).manifest
    whole = parts_of(bundled(study, tmp_path / "b", "results,students")).manifest
    gone = {row["md5"] for row in whole["objects"]} - {row["md5"] for row in without["objects"]}
    assert gone == set(without["withheld"]) and not whole["withheld"]
    assert len(gone) == 2 * 2, "a listing and a file, of the base and of one that was taught"
    outs = {
        row["md5"]: row["path"]
        for stage in without["stages"]
        for row in stage["lock"]["outs"]
        if row["md5"] in gone
    }
    assert set(outs.values()) == {"out/student"}


def test_a_result_that_the_cache_lost_is_no_result(study: Path, tmp_path: Path) -> None:
    (lock,) = study.glob("store/skills-*/dvc.lock")
    digest = lock.read_text(encoding="utf-8").partition("path: out/")[2].partition("md5: ")[2][:32]
    (study / ".dvc/cache/files/md5" / digest[:2] / f"{digest[2:]}.dir").unlink()
    said = call("dataenvgym", "bundle", "tiny", "--with", "results", cwd=study).stdout
    assert "results   of 14 of 15 stages" in said


def test_parents_data_locks_and_prices_travel(study: Path, tmp_path: Path) -> None:
    specs = study / "specs"
    (specs / "base").mkdir()
    (specs / "tiny.yaml").rename(specs / "base" / "parent.yaml")
    (specs / "prompts").rename(specs / "base" / "prompts")
    (specs / "data").mkdir()
    rows = [json.dumps({"question": f"{n} + 1 =", "answer": str(n + 1)}) for n in range(300)]
    (specs / "data" / "real.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (specs / "data" / "link.jsonl").symlink_to("real.jsonl")
    (specs / "tiny.yaml").write_text(
        "extends: base/parent.yaml\n"
        "task:\n"
        "  sources:\n"
        "    mine: {kind: files, path: data/link.jsonl, fields: {input: question, target: answer}}\n"
        "  score: {kind: exact-match}\n"
        "  splits: {test: {from: mine}}\n",
        encoding="utf-8",
    )
    (study / "prices.yaml").write_text("machine_hour: 1\n", encoding="utf-8")
    call("dataenvgym", "lock", cwd=study)
    lock = json.loads((specs / "dataenvgym.lock.json").read_text(encoding="utf-8"))
    lock["files"]["specs/data/of-another-spec.jsonl"] = {"sha256": "0" * 64, "rows": 1}
    (specs / "dataenvgym.lock.json").write_text(json.dumps(lock), encoding="utf-8")
    call("dataenvgym", "compile", cwd=study)
    bundle = bundled(study, tmp_path / "b", "results")
    assert paths(bundle) == [
        "prices.yaml",
        "specs/base/parent.yaml",
        "specs/base/prompts/tiny.j2",
        "specs/data/link.jsonl",
        "specs/data/real.jsonl",
        "specs/dataenvgym.lock.json",
        "specs/tiny.yaml",
    ]
    assert b"another-spec" not in b"".join(parts_of(bundle).members.values())
    call("dataenvgym", "open", str(bundle), "--into", "there", cwd=tmp_path)
    for path in ("specs/data/link.jsonl", "specs/base/parent.yaml"):
        assert (tmp_path / "there" / path).read_bytes() == (study / path).read_bytes()
    ours = sorted(path.name for path in study.glob("store/*"))
    theirs = sorted(path.name for path in (tmp_path / "there").glob("store/*"))
    assert set(theirs) <= set(ours) and theirs


def test_what_cannot_travel_is_named(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "outside"
    folder.mkdir()
    rows = [json.dumps({"question": f"{n} + 1 =", "answer": str(n + 1)}) for n in range(300)]
    (folder / "exam.jsonl").write_text("\n".join(rows), encoding="utf-8")
    text = (study / "specs" / "tiny.yaml").read_text(encoding="utf-8")
    source = "    mine: {kind: files, path: 'sets:exam.jsonl', fields: {input: question, target: answer}}\n"
    text = text.replace("  sources:\n", f"  sources:\n{source}")
    text = text.replace(
        "test: {from: problems, draw: {per_group: 6}}", "test: {from: mine, draw: {items: 6}}"
    )
    text = text.replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}")
    (study / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    more = {"DATAENVGYM_ROOTS": f"sets={folder}"}
    said = call("dataenvgym", "bundle", "tiny", "-o", "b.gz", cwd=study, **more).stdout
    assert "does not travel:\n  'sets:exam.jsonl', outside of the repository: its content" in said
    assert paths(study / "b.gz") == ["specs/prompts/tiny.j2", "specs/tiny.yaml"]
    # Whoever has no such folder is told, and opens it again once there is one.
    there = tmp_path / "there"
    result = call(
        "dataenvgym", "open", str(study / "b.gz"), "--into", str(there), cwd=tmp_path, ok=False
    )
    expect_refusal(result, "cannot be compiled here", "sets:exam.jsonl", "open it once more")
    assert (there / "specs" / "tiny.yaml").is_file() and not (there / "store").exists()
    said = call(
        "dataenvgym", "open", str(study / "b.gz"), "--into", str(there), cwd=tmp_path, **more
    ).stdout
    assert "same keys: all 15 stages" in said


def test_a_package_of_the_repository_travels_as_code(study: Path, tmp_path: Path) -> None:
    shutil.copytree(PACKAGES / "greedy", study / "packages" / "greedy")
    info = study / "packages" / "greedy" / "greedy_policy-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy-policy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dataenvgym_spec.components]\npolicy.greedy = greedy_policy.greedy:Greedy\n"
    )
    text = (study / "specs" / "tiny.yaml").read_text(encoding="utf-8")
    policy = "policy: {kind: allocate, power: 1.0, floor: 0.2}"
    assert policy in text
    changed = text.replace(policy, "policy: {kind: greedy}").replace(
        "agent: {observe: nothing}", "agent: {observe: {scores: true}}"
    )
    (study / "specs" / "tiny.yaml").write_text(changed, encoding="utf-8")
    more = {"PYTHONPATH": f"{study / 'packages' / 'greedy'}"}
    said = call("dataenvgym", "bundle", "tiny", "-o", "b.gz", cwd=study, **more).stdout
    assert "the package greedy-policy 1.0: its files travel" in said
    assert "packages/greedy/greedy_policy/greedy.py" in paths(study / "b.gz")
    arguments = ("dataenvgym", "open", "b.gz", "--into", str(tmp_path / "there"))
    result = call(*arguments, cwd=study, ok=False)
    expect_refusal(result, "E105", "greedy", "open it once more")
    assert "code in it, which nothing has executed" in result.stdout
    assert "same keys: all" in call(*arguments, cwd=study, **more).stdout


def test_a_program_of_a_policy_travels_and_its_command_does_not(study: Path) -> None:
    text = (study / "specs" / "tiny.yaml").read_text(encoding="utf-8")
    policy = "policy: {kind: allocate, power: 1.0, floor: 0.2}"
    changed = text.replace(policy, "policy: {kind: outside, name: mine}")
    (study / "specs" / "tiny.yaml").write_text(changed, encoding="utf-8")
    (study / "tools").mkdir()
    (study / "tools" / "mine.py").write_text("print('{}')\n", encoding="utf-8")
    program = f"python3 {study / 'tools' / 'mine.py'} --account of-a-person"
    more = {"DATAENVGYM_POLICY_MINE_COMMAND": program}
    said = call("dataenvgym", "bundle", "tiny", "-o", "b.gz", cwd=study, **more).stdout
    assert "the program of the policy 'mine': 'tools/mine.py' travels" in said
    parts = parts_of(study / "b.gz")
    assert {"path": "tools/mine.py", "code": True}.items() <= parts.manifest["files"][-1].items()
    everything = json.dumps(parts.manifest).encode() + b"".join(parts.members.values())
    assert b"of-a-person" not in everything and str(study).encode() not in everything
    said = call("dataenvgym", "bundle", "tiny", "-o", "b.gz", cwd=study).stdout
    assert "the program of the policy 'mine': docs/outside-policies.md" in said
    assert "tools/mine.py" not in paths(study / "b.gz")


def test_the_responses_that_a_study_paid_for_travel(study: Path, tmp_path: Path) -> None:
    manifest = parts_of(bundled(study, tmp_path / "a", "results")).manifest
    key = manifest["stages"][0]["key"]
    reply = {"text": "an answer with sk-planted-secret", "model": "m"}
    rows = [
        Response(key="b" * 64, stage=key, at=2.0, reply=reply),
        Response(key="a" * 64, stage=key, at=1.0, reply={"text": "one"}),
        Response(key="c" * 64, stage="of another study", at=1.0, reply={"text": "two"}),
    ]
    journal = Journal(tmp_path / "journal" / "journal.sqlite")
    journal.keep(rows)
    journal.close()
    more = {
        "DATAENVGYM_JOURNAL": str(tmp_path / "journal"),
        "OPENAI_API_KEY": "sk-planted-secret",
    }
    arguments = ("dataenvgym", "bundle", "tiny", "--with", "journal", "-o", "b.gz")
    said = call(*arguments, cwd=study, **more).stdout
    assert "journal   2 responses" in said
    parts = parts_of(study / "b.gz")
    text = parts.members[parts.manifest["journal"]["sha256"]].decode()
    assert [json.loads(line)["key"][0] for line in text.splitlines()] == ["a", "b"]
    assert "sk-planted-secret" not in text and "[key]" in text


@pytest.mark.parametrize("place", ["specs/prompts/tiny.j2", "specs/tiny.yaml"])
def test_a_key_of_the_environment_is_in_no_bundle(place: str, study: Path) -> None:
    path = study / place
    comment = "{# k-12345678 #}" if place.endswith("j2") else "# k-12345678\n"
    path.write_text(path.read_text(encoding="utf-8") + comment, encoding="utf-8")
    result = call("dataenvgym", "bundle", "tiny", cwd=study, ok=False, MY_TOKEN="k-12345678")
    expect_refusal(result, f"'{place}' holds a key", "nothing was written")
    assert not (study / "tiny.bundle.tar.gz").exists()


def test_nothing_of_a_clone_alone_travels(study: Path, tmp_path: Path) -> None:
    (study / ".dvc" / "config.local").write_text("[remote]\npassword = planted\n")
    (study / ".env").write_text("KEY=planted\n")
    (study / ".dataenvgym").mkdir(exist_ok=True)
    (study / ".dataenvgym" / "x").write_text("planted\n")
    parts = parts_of(bundled(study, tmp_path / "b", "results,students,journal"))
    everything = json.dumps(parts.manifest).encode() + b"".join(parts.members.values())
    assert b"planted" not in everything and str(study).encode() not in everything


def test_words_that_are_no_parts(study: Path) -> None:
    def told(parts: str, name: str = "tiny") -> object:
        return call("dataenvgym", "bundle", name, "--with", parts, cwd=study, ok=False)

    expect_refusal(told("result"), "no part 'result'", "did you mean 'results'?")  # type: ignore[arg-type]
    expect_refusal(told("students"), "--with results,students")  # type: ignore[arg-type]
    expect_refusal(told("results", "tyni"), "no experiment 'tyni'")  # type: ignore[arg-type]
    result = call("dataenvgym", "bundle", "tiny", "-o", "none/b", cwd=study, ok=False)
    expect_refusal(result, "'none/b' cannot be written", "-o FILE")


def test_programs_get_json(study: Path) -> None:
    said = call("dataenvgym", "bundle", "tiny", "--with", "results", "--json", cwd=study).stdout
    record = json.loads(said)
    assert (record["stages"], record["results"], record["responses"]) == (15, 15, None)
    assert record["bytes"] == (study / record["file"]).stat().st_size


def test_a_sweep_is_one_bundle(study: Path, tmp_path: Path) -> None:
    path = study / "specs" / "tiny.yaml"
    text = path.read_text(encoding="utf-8") + "matrix: {loop.teach.examples: [20, 30]}\n"
    path.write_text(text, encoding="utf-8")
    with_results(study)
    bundle = bundled(study, tmp_path / "b")
    assert len(parts_of(bundle).manifest["experiments"]) == 2
    said = call("dataenvgym", "open", str(bundle), "--into", "there", cwd=tmp_path).stdout
    assert said.count("dataenvgym run tiny-examples-") == said.count("# runs no stage") == 2
