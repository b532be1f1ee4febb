"""What a run on a cluster does itself: what pays for answers, and reports."""

import shutil
from pathlib import Path

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.cli.queued import Rounds
from dataenvgym_spec.schedule.needs import Spread
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import Work
from dataenvgym_spec.store.layout import Layout, kind_of
from tests.support.repositories import call, new_repo
from tests.support.specs import EXACT, SMALL

SERVICE = "{kind: openai, model: writer-1, temperature: 0.7, max_tokens: 200}"


def test_the_one_stage_of_a_work() -> None:
    def work(*targets: str) -> Work:
        return Work(id="w", targets=targets)

    target = "store/data-0123456789abcdef/dvc.yaml:data"
    assert directory_of(work(target)) == "data-0123456789abcdef"
    assert directory_of(work("tiny")) is None
    assert directory_of(work("experiments/tiny-1/dvc.yaml:tiny-1")) is None
    assert directory_of(work(target, target)) is None


def test_who_is_asked_over_the_network_is_asked_from_here(tmp_path: Path) -> None:
    text = SMALL.replace(
        "generator: {kind: procedural, source: problems}", f"generator: {SERVICE}"
    ).replace(
        "{kind: procedural, teacher: generator, oversample: 2}", "{kind: llm, teacher: generator}"
    )
    assert text.count("openai") == 1
    for name, spec in (("asks", text.replace(*EXACT)), ("makes", SMALL)):
        repo = new_repo(tmp_path / name, spec)
        call("dataenvgym", "compile", cwd=repo)
        layout = Layout(root=repo)
        directories = [path.name for path in layout.store.iterdir()]
        here = {kind_of(one) for one in directories if stays(layout, one)}
        assert here == ({"generate"} if name == "asks" else set())
        # A run on a cluster has them wait for room here, and not for the cluster's.
        project = load_project((), root=repo)
        for apart in (True, False):
            rounds = Rounds(
                project=project,
                spread=Spread(),
                gpus=0,
                variables={"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "http://127.0.0.1:1"},
                pulling=Pulling(False),
                ignore_limits=True,
                apart=apart,
            )
            todo = rounds.next(project.compiled.graph.entries)
            works = todo.works
            assert bool({"torch", "transformers"} & {*todo.packages}) == apart
            kinds = {kind_of(work.id) for work in works if work.needs.here}
            assert kinds == ({*here, "report"} if apart else set())
            assert [work.needs for work in rounds.renewed(works)] == [work.needs for work in works]
    # What cannot be read fails where the user is.
    (layout.stage(directories[0]) / "stage.json").write_text("{", encoding="utf-8")
    assert stays(layout, directories[0])


def test_what_the_cache_can_restore_is_not_made_elsewhere(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    layout = Layout(root=repo)
    (reserve,) = (path.name for path in layout.store.glob("reserve-*"))
    (skills,) = (path.name for path in layout.store.glob("skills-*"))
    assert not restorable(layout, reserve)
    assert not restorable(layout, skills), "what it reads is not done"
    call("dvc", "repro", "--single-item", f"store/{reserve}/dvc.yaml:reserve", cwd=repo)
    assert restorable(layout, reserve)
    (layout.stage(reserve) / "dvc.lock").unlink()
    assert restorable(layout, reserve), "the run cache knows it"
    shutil.rmtree(repo / ".dvc" / "cache" / "files")
    assert not restorable(layout, reserve)
