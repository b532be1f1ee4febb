"""What a user sees while teachers are asked: now and then, how far a stage is and what remains."""

from pathlib import Path

from dataenvgym_spec.execute.watch import Watch
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.records.progress import Asked, Progress
from dataenvgym_spec.results.prices import Prices, TokenPrice

PRICES = Prices(models={"gpt": TokenPrice(prompt=1e4, generated=2e4)})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(done: int, received: int) -> Progress:
    """Of 10 answers of 8 tokens each, of which one takes three seconds; one in the journal was another stage's."""
    own = done - 1
    use = TeacherUse(
        kind="openai", requests=own, replayed=own - received, reused=1, finishes={"stop": done},
        tokens={"prompt": 6 * own, "generated": 2 * own}, reused_tokens={"prompt": 6, "generated": 2},
    )  # fmt: skip
    log = Log(started=0.0, seconds={"total": 9.0}, teachers={"gpt": use})
    return Progress(
        log=log, asked={"gpt": Asked(wanted=10, received=received, seconds=3.0 * received)}
    )


def test_it_is_told_now_and_then_and_kept_more_often(tmp_path: Path) -> None:
    clock, said, path = Clock(), list[str](), tmp_path / "progress.json"
    watch = Watch(path=path, prices=lambda: PRICES, say=said.append, clock=clock)
    looks = [(0.1, 2, 0), (1, 3, 1), (6, 4, 2), (9, 5, 3), (17, 6, 4)]
    seen = []
    for after, done, received in looks:
        clock.now = 100.0 + after
        assert watch.look(lambda done=done, received=received: progress(done, received)) is None
        seen.append(read(path, Progress) if path.exists() else None)
    assert seen == [None, *(progress(done, received) for _, done, received in looks[1:])]
    assert said == [
        "  gpt: 4 of 10 answers (2 from the journal), 24 tokens, 0.3 USD; about 48 tokens, 0.6 USD, 18 s remain",
        "  gpt: 6 of 10 answers (2 from the journal), 40 tokens, 0.5 USD; about 32 tokens, 0.4 USD, 12 s remain",
    ]
    clock.now = 118.0
    for _ in range(2):
        watch.look(lambda: progress(10, 8), last=True)
    assert said[2:] == ["  gpt: 10 of 10 answers (2 from the journal), 72 tokens, 0.9 USD"]


def test_what_is_done_at_once_is_not_told(tmp_path: Path) -> None:
    said = list[str]()
    watch = Watch(path=None, prices=Prices, say=said.append, clock=Clock())
    watch.look(lambda: progress(10, 10), last=True)
    assert not said
