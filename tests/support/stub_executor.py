"""Stands in for the executors where only what runs when is under test, and does what files of the repository tell it.

It is copied into a folder that comes first in PATH, under the name `dataenvgym`. `ran.txt` of the repository gets a line for every execution. The
file `act` there says `HOW PATTERN`: what is done where the experiment, the directory of the stage or `report` holds the pattern. `fail` fails,
`pause` does as at a limit, `die` is killed once, `lose` says once that what it works with was, `hang` waits for the file `go`, with the lock of its stage as a real one, `deaf` does so and
ignores Ctrl-C.
"""

import fcntl
import os
import re
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    """Does what a stage, or a report, would do."""
    root = Path(os.environ["DVC_ROOT"])
    name = sys.argv[2] if len(sys.argv) > 2 else Path.cwd().name
    experiment = os.environ.get("DATAENVGYM_RUN", "").partition(" ")[2]
    with (root / "ran.txt").open("a") as file:
        print(experiment, "report" if len(sys.argv) > 2 else name, file=file)
    how, _, pattern = (
        (root / "act").read_text().strip().partition(" ")
        if (root / "act").exists()
        else ("", "", "-")
    )
    if how and re.search(pattern, f"{experiment}/{name}"):
        if how in ("fail", "pause"):
            print("error: it is broken\n  = help: mend it", file=sys.stderr)
            sys.exit(1 if how == "fail" else 3)
        if how in ("die", "lose") and not (root / f"{name}.died").exists():
            (root / f"{name}.died").touch()
            if how == "lose":
                print("error: the trainer was killed (signal 9)", file=sys.stderr)
                sys.exit(128 + signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        if how in ("hang", "deaf"):
            signal.signal(signal.SIGINT, signal.SIG_IGN if how == "deaf" else signal.SIG_DFL)
            lock = root / ".dataenvgym" / "locks" / f"{name}.lock"
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = lock.open("w")
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write(f"process {os.getpid()}\n")
            held.flush()
            (root / f"{name}.hangs").write_text(str(os.getpid()))
            while not (root / "go").exists():
                time.sleep(0.01)
    if len(sys.argv) > 2:
        pages = ("examples/index.html", "index.html")
        for page in (*pages, "metrics.json", "headline.json", "curves.csv", "curves/test/a.csv"):
            path = root / "reports" / name / page
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}" if path.suffix == ".json" else "iteration,accuracy\n0,1\n")
    else:
        for out in re.findall(r"^    - ((?:out/|log).*)$", Path("dvc.yaml").read_text(), re.M):
            Path(out).mkdir(parents=True)
            (Path(out) / "result.json").write_text(Path("stage.json").read_text())


if __name__ == "__main__":
    main()
