"""What differs in meaning: not the text of specs, but values, arms and stages; at git revisions too, without touching files."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.cli.difference import lines
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.questions.diff import Difference, diff
from dataenvgym_spec.resolve.merge import show_path
from tests.support.repositories import call, new_repo
from tests.support.specs import TEMPLATE, TINY, tiny

Write = Callable[..., Difference]


@pytest.fixture
def compare(tmp_path: Path) -> Write:
    """Compares the small spec with another: a text, and files beside it by path."""

    def side(name: str, text: str, files: dict[str, str]):
        root = tmp_path / name
        for path, content in {
            "specs/prompts/tiny.j2": TEMPLATE,
            "specs/tiny.yaml": text,
            **files,
        }.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        specs = front_end([root / "specs" / "tiny.yaml"], root=root)
        return specs, lower(specs).graph

    def compared(
        text: str, *, old: str = TINY, old_files: dict[str, str] | None = None, **files: str
    ) -> Difference:
        named = {
            path.replace("__", "/").replace("_yaml", ".yaml").replace("_j2", ".j2"): content
            for path, content in files.items()
        }
        (found,) = diff(*side("old", old, old_files or {}), *side("new", text, named))
        return found

    return compared


def values(found: Difference) -> dict[str, tuple[object, object]]:
    return {
        show_path(change.path): (change.old.value, change.new.value) for change in found.changes
    }


SAME = [
    ("comments and blank lines", TINY.replace("task:", "# about\n\ntask:   # the task")),
    ("numbers in other words", TINY.replace("1e-3", "0.001").replace("2e-3", "20.0E-4")),
    (
        "quotes and block style",
        TINY.replace("name: tiny", "name: 'tiny'").replace(
            "skills: {discover: {kind: gold}}", "skills:\n  discover:\n    kind: gold"
        ),
    ),
    (
        "the order of keys",
        TINY.replace(
            "environment: skill-list\nskills: {discover: {kind: gold}}",
            "skills: {discover: {kind: gold}}\nenvironment: skill-list",
        ),
    ),
    (
        "anchors",
        TINY.replace(
            "sum: {dataset: chain_sum, config: {", "sum: {dataset: chain_sum, config: &c {"
        ),
    ),
    (
        "defaults said aloud",
        TINY.replace("draw: {per_group: 6}", "share: 0.1, draw: {per_group: 6}").replace(
            "  iterations: 2", "  iterations: 2\n  train_on: all"
        ),
    ),
]


@pytest.mark.parametrize("text", [text for _, text in SAME], ids=[what for what, _ in SAME])
def test_other_words_are_the_same_meaning(text: str, compare: Write) -> None:
    assert text != TINY
    found = compare(text)
    assert found.equal, values(found)
    assert found.same == found.total > 30


def test_a_prompt_that_moved_is_the_same_and_one_that_changed_is_not(compare: Write) -> None:
    assert compare(
        TINY.replace("prompts/tiny.j2", "prompts/moved.j2"), specs__prompts__moved_j2=TEMPLATE
    ).equal
    found = compare(TINY, specs__prompts__tiny_j2=TEMPLATE + "?")
    ((path, (old, new)),) = values(found).items()
    assert path == "student.prompt.template"
    assert old != new
    assert {change.kind for change in found.stages} >= {"student", "evaluate", "train"}
    assert "data" not in {change.kind for change in found.stages}


def test_a_value_knows_both_places_and_whether_it_is_a_default(compare: Write) -> None:
    found = compare(TINY.replace("power: 1.0, floor: 0.2", "power: 2"))
    by_path = {show_path(change.path): change for change in found.changes}
    assert set(by_path) == {"agent.policy.power", "agent.policy.floor"}
    line = next(
        number for number, text in enumerate(TINY.splitlines(), start=1) if "policy:" in text
    )
    assert [
        side.span and side.span.line
        for side in (by_path["agent.policy.power"].old, by_path["agent.policy.floor"].new)
    ] == [line, None]
    assert {(change.kind, change.effect) for change in found.stages} >= {
        ("plan", "changed"),
        ("train", "changed"),
    }
    assert found.same + sum(change.count for change in found.stages) == found.total


def test_an_inherited_value_points_to_the_parent(compare: Write) -> None:
    child = "extends: parent/base.yaml\nname: tiny\n"
    base = TINY.replace("prompts/tiny.j2", "../prompts/tiny.j2")
    assert compare(child, specs__parent__base_yaml=base).equal
    found = compare(
        child,
        specs__parent__base_yaml=base.replace(
            "steps: 6}, learning_rate: 1e-3", "steps: 7}, learning_rate: 1e-3"
        ),
    )
    (change,) = found.changes
    assert (change.new.span.file, change.old.span.file) == (
        "specs/parent/base.yaml",
        "specs/tiny.yaml",
    )
    assert values(found) == {"student.train.length.steps": (6, 7)}


def test_what_one_arm_changes_is_told_of_that_arm(compare: Write) -> None:
    found = compare(TINY.replace("observe: nothing", "observe: {scores: false}"))
    assert values(found)["agent.observe"] == (
        "nothing",
        {"errors": 1, "scores": False, "yield": True},
    )
    assert {change.arms for change in found.changes} == {("no-state",)}
    assert {arm for change in found.stages for arm in change.arms} == {"no-state"}


def test_arms_that_come_and_go(compare: Write) -> None:
    found = compare(
        TINY.replace(
            "  no-state: {agent: {observe: nothing}}\n", "  strong: {agent: {policy: {power: 3}}}\n"
        ).replace("against: no-state", "against: strong")
    )
    assert (found.added, found.removed, found.common) == (
        ("strong",),
        ("no-state",),
        ("with-state",),
    )
    assert list(values(found)) == ["analysis.contrasts"]
    assert not found.changes[0].keyed
    assert {(change.effect, *change.arms) for change in found.stages} == {
        ("added", "strong"),
        ("removed", "no-state"),
    }


CONTRAST = "{arm: with-state, against: no-state, student: best, split: test, primary: true}"


@pytest.mark.parametrize(
    ("contrasts", "said"),
    [
        (
            f"{CONTRAST[:-5]}false}}, {{arm: no-state, against: base, primary: true}}",
            [
                "arm with-state, against no-state, student best, split test: primary true -> false",
                "new: arm no-state, against base, student best, split test, primary true",
            ],
        ),
        ("{arm: no-state, against: base, primary: true}, " + CONTRAST, [
            "new: arm no-state, against base, student best, split test, primary true",
        ]),
        (
            "{arm: no-state, against: base}",
            [
                "gone: arm with-state, against no-state, student best, split test, primary true",
                "new: arm no-state, against base, student best, split test, primary false",
            ],
        ),
        (CONTRAST[:-1] + ", slice: {hops: 2}}", [
            "arm with-state, against no-state, student best, split test, primary true: "
            'slice nothing -> {"hops": 2}',
        ]),
    ],
)  # fmt: skip
def test_of_a_list_of_records_each_that_differs_is_a_line(
    contrasts: str, said: list[str], compare: Write
) -> None:
    found = compare(TINY.replace(CONTRAST, contrasts))
    head, *rows, place, _ = lines(found, "HEAD:", "", several=False)
    much = "1 difference" if len(said) == 1 else "2 differences"
    assert head == f"analysis.contrasts: {much}:  (no stage depends on it)"
    assert rows == [f"  {row}" for row in said]
    assert place.startswith("  HEAD:specs/tiny.yaml:")


@pytest.mark.parametrize("ends", [("!", "?"), ("", " "), ("\\n1", " 1")])
def test_two_values_that_differ_are_never_shown_alike(
    ends: tuple[str, str], compare: Write
) -> None:
    old, new = (
        TINY.replace("description: A spec", f'description: "{"A spec " * 20}{end}"\n# ')
        for end in ends
    )
    head = lines(compare(new, old=old), "", "", several=False)[0]
    before, after = head.removesuffix("  (no stage depends on it)").split(" -> ")
    assert before.removeprefix("description: ") != after


def test_what_no_key_reads_changes_no_stage(compare: Write) -> None:
    found = compare(TINY.replace("description: A spec", "description: One spec"))
    assert list(values(found)) == ["description"]
    assert (found.equal, found.stages, found.same) == (False, (), found.total)


def test_more_iterations_add_stages_and_another_component_is_one_change(compare: Write) -> None:
    found = compare(TINY.replace("iterations: 2", "iterations: 3"))
    trained = [change for change in found.stages if change.kind == "train"]
    assert [(change.effect, change.count, change.iterations) for change in trained] == [
        ("added", 2, (3,))
    ]
    other = compare(TINY.replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}"))
    assert list(values(other)) == ["task.score"]


def test_points_of_a_sweep_are_compared_by_name(tmp_path: Path) -> None:
    def side(grid: str):
        root = tmp_path / grid
        new = new_repo_files(root, TINY + f"matrix: {{loop.teach.examples: [{grid}]}}\n")
        specs = front_end([new], root=root)
        return specs, lower(specs).graph

    found = diff(*side("20, 30"), *side("30, 40"))
    assert [(item.old is None, item.new is None, item.equal) for item in found] == [
        (False, True, False),
        (False, False, True),
        (True, False, False),
    ]


def new_repo_files(root: Path, text: str) -> Path:
    (root / "specs" / "prompts").mkdir(parents=True)
    (root / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (root / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    return root / "specs" / "tiny.yaml"


# --- revisions --------------------------------------------------------------------------------------------------------


def commit(repo: Path, message: str) -> None:
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", message, cwd=repo)


def said(repo: Path, *arguments: str, ok: bool = True) -> str:
    result: subprocess.CompletedProcess[str] = call(
        "dataenvgym", "diff", *arguments, cwd=repo, ok=ok
    )
    assert "Traceback" not in result.stderr
    return result.stdout if ok else result.stderr


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with three commits: no spec, one that extends a parent outside of `specs`, and a changed parent."""
    repo = new_repo(tmp_path_factory.mktemp("history") / "repo")
    spec = repo / "specs" / "tiny.yaml"
    spec.unlink()
    commit(repo, "no spec")
    (repo / "shared").mkdir()
    (repo / "shared" / "base.yaml").write_text(
        TINY.replace("prompts/tiny.j2", "../specs/prompts/tiny.j2"), encoding="utf-8"
    )
    spec.write_text("extends: ../shared/base.yaml\nname: tiny\n", encoding="utf-8")
    commit(repo, "a spec")
    call("git", "tag", "v1.0", cwd=repo)
    (repo / "shared" / "base.yaml").write_text(
        (repo / "shared" / "base.yaml")
        .read_text(encoding="utf-8")
        .replace("power: 1.0", "power: 3.0"),
        encoding="utf-8",
    )
    commit(repo, "a change")
    return repo


def test_the_working_tree_is_compared_with_a_revision_that_is_read_from_git(history: Path) -> None:
    before = call("git", "status", "--porcelain", cwd=history).stdout
    assert said(history, "tiny") == "same meaning: all 42 stages are the same\n"
    text = said(history, "tiny@v1.0")
    assert "agent.policy.power: 1.0 -> 3.0\n" in text
    assert "v1.0:shared/base.yaml:34 -> shared/base.yaml:34" in text
    assert (
        said(history, "specs/tiny.yaml@HEAD~1", "specs/tiny.yaml@HEAD")
        .replace("HEAD~1:", "v1.0:")
        .replace("HEAD:", "")
        == text
    )
    assert call("git", "status", "--porcelain", cwd=history).stdout == before


def test_a_change_that_is_not_committed_and_json(history: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(history), str(clone), cwd=tmp_path)
    prompt = clone / "specs" / "prompts" / "tiny.j2"
    prompt.write_text(TEMPLATE + "!", encoding="utf-8")
    content = json.loads(said(clone, "tiny", "--json"))
    (experiment,) = content["experiments"]
    (value,) = experiment["values"]
    assert (content["same"], value["path"]) == (False, "student.prompt.template")
    assert (value["old"]["file"], value["new"]["file"]) == (
        "HEAD:shared/base.yaml",
        "shared/base.yaml",
    )
    assert (
        experiment["stages"]["same"] + sum(row["count"] for row in experiment["stages"]["changes"])
        == experiment["stages"]["total"]
    )


def test_a_setting_holds_for_the_new_side(history: Path) -> None:
    text = said(history, "tiny", "tiny", "--set", "loop.iterations=3")
    assert "loop.iterations: 2 -> 3\n" in text
    assert "shared/base.yaml:38 -> --set:1\n" in text


def test_a_revision_is_read_with_the_lock_of_its_time(history: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(history), str(clone), cwd=tmp_path)
    call("git", "config", "user.name", "A", cwd=clone)
    call("git", "config", "user.email", "a@example.com", cwd=clone)
    spec = clone / "specs" / "tiny.yaml"
    model = "student: {model: {kind: hub, id: some/model, revision: main}, generate: {backend: transformers}}\n"
    spec.write_text(
        f"{spec.read_text(encoding='utf-8')}description: {'a long text ' * 60}\n{model}",
        encoding="utf-8",
    )

    def lock(commit: str, version: int) -> None:
        hub = {"model": {"some/model": {"main": commit}}, "dataset": {}}
        components = {
            "policy.allocate": {
                "version": version,
                "distribution": "dataenvgym-spec",
                "release": "0.1.0",
            }
        }
        content = {"format": 1, "hub": hub, "files": {}, "components": components, "stages": {}}
        (clone / "specs" / "dataenvgym.lock.json").write_text(json.dumps(content), encoding="utf-8")

    lock("1" * 40, version=0)  # of a release that is not installed any more
    commit(clone, "locked")
    lock("2" * 40, version=1)
    assert "student.model.revision: " + "1" * 40 in said(clone, "tiny")


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("tiny@HEAD~2", "there is no experiment 'tiny' at revision 'HEAD~2'"),
        ("specs/tiny.yaml@HEAD~2", "'specs/tiny.yaml' does not exist at revision 'HEAD~2'"),
        ("tiny@nowhere", "there is no git revision 'nowhere'"),
        ("tiny@--output=x", "there is no git revision '--output=x'"),
        ("other", "there is no experiment 'other' at revision 'HEAD'"),
    ],
)
def test_what_is_not_there_is_told(history: Path, argument: str, words: str) -> None:
    assert words in said(history, argument, ok=False)
    assert not (history / "x").exists()


def test_a_spec_that_was_broken_then_is_told_with_its_revision(
    history: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(history), str(clone), cwd=tmp_path)
    call("git", "config", "user.name", "A", cwd=clone)
    call("git", "config", "user.email", "a@example.com", cwd=clone)
    base = clone / "shared" / "base.yaml"
    good = base.read_text(encoding="utf-8")
    base.write_text(good.replace("iterations: 2", "iteration: 2"), encoding="utf-8")
    commit(clone, "broken")
    base.write_text(good, encoding="utf-8")
    result = call("dataenvgym", "diff", "tiny", cwd=clone, ok=False)
    assert result.returncode == 2
    assert "HEAD:shared/base.yaml:38:3: error[E102]: unknown key 'iteration'" in result.stderr


def test_data_that_git_does_not_hold(tmp_path: Path) -> None:
    """Items that DVC tracks are those of the revision, from DVC's cache; what git ignores is what it is now."""
    source = "problems: {kind: jsonl, path: ../data/items.jsonl, fields: {input: question, target: answer}}\n"
    spec = f"extends: parts/base.yaml\nname: tiny\ntask:\n  sources:\n    items: {source.partition(': ')[2]}"
    repo = new_repo(tmp_path / "repo", spec)
    (repo / "specs" / "parts").mkdir()
    (repo / "specs" / "parts" / "base.yaml").write_text(
        TINY.replace("prompts/tiny.j2", "../prompts/tiny.j2"), encoding="utf-8"
    )
    items = repo / "data" / "items.jsonl"
    items.parent.mkdir()
    rows = [json.dumps({"question": f"{number}?", "answer": str(number)}) for number in range(50)]
    items.write_text("\n".join(rows[:40]), encoding="utf-8")
    call("dvc", "add", "-q", "data/items.jsonl", cwd=repo)
    commit(repo, "forty items")
    assert said(repo, "tiny") == "same meaning: all 42 stages are the same\n"
    items.unlink()
    items.write_text("\n".join(rows), encoding="utf-8")
    assert said(repo, "tiny").startswith("task.sources.items.path: data/items.jsonl (")
    assert not list((repo / ".dataenvgym").glob("diff-*"))
    (repo / "data" / "items.jsonl.dvc").unlink()
    commit(repo, "tracked by nobody")
    assert said(repo, "tiny") == "same meaning: all 42 stages are the same\n"
    assert said(repo, "tiny@HEAD~1").startswith("task.sources.items.path: data/items.jsonl (")


def test_a_noise_floor_adds_copies_and_changes_nothing_else(compare: Write) -> None:
    floor = tiny(noise={"reevaluate": 2, "retrain": 1})
    found = compare(floor)
    assert values(found) == {"noise": (None, {"reevaluate": 2, "retrain": 1, "split": "selection"})}
    assert found.same == found.total - 4
    effects = {(change.kind, change.effect, change.count) for change in found.stages}
    assert effects == {("evaluate", "added", 3), ("train", "added", 1)}
    back = compare(TINY, old=floor)
    assert {change.effect for change in back.stages} == {"removed"} and back.same == back.total
    fewer = compare(tiny(noise={"reevaluate": 1, "retrain": 2}), old=floor)
    assert values(fewer) == {"noise.reevaluate": (2, 1), "noise.retrain": (1, 2)}
    effects = {(change.kind, change.effect, change.count) for change in fewer.stages}
    assert effects == {("evaluate", "added", 1), ("evaluate", "removed", 1), ("train", "added", 1)}


def test_whoever_names_the_student_that_is_copied_anyway_says_the_same(compare: Write) -> None:
    floor = {"reevaluate": 2, "retrain": 1}
    aloud = {**floor, "of": "with-state", "iteration": 2}
    assert compare(tiny(noise=aloud), old=tiny(noise=floor)).equal
    other = compare(tiny(noise={**aloud, "iteration": 1}), old=tiny(noise=floor))
    assert values(other) == {"noise.iteration": (None, 1)} and other.stages
    blind = compare(tiny(noise={**floor, "of": "no-state"}), old=tiny(noise=floor))
    assert values(blind) == {"noise.of": (None, "no-state")}
    assert {change.arms for change in blind.stages} == {("with-state",), ("no-state",)}
