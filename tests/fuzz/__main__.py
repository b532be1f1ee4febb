"""A fuzzer of specs: mutated files go through the real commands, in this process, and nothing but exit codes 0 and 2 may come out.

    python -m tests.fuzz --inputs 10000 --seed 0

With `--bundles` they are bundles of studies, which are opened; with `--kept` the files of a repository that has finished.

It starts from the shipped specs and mutates their bytes, lines and tokens, trees, and the files they name. Time is CPU time, so
that a busy machine makes no finding; every input follows from the seed and its number.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from tests.fuzz.bundles import fuzz_bundles
from tests.fuzz.judge import Finding
from tests.fuzz.kept import fuzz_kept
from tests.fuzz.search import fuzz, save, smaller
from tests.support.commands import journal_folder

MEMORY = 2 << 30


def main() -> None:
    """The command line of the fuzzer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    # It asks for 999 iterations, too: 15,000 stages, which `compile` writes down in 26 s.
    parser.add_argument("--limit", type=float, default=40.0, help="CPU seconds for one command")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    parser.add_argument("--bundles", action="store_true", help="bundles, and no specs")
    parser.add_argument("--kept", action="store_true", help="damaged repositories, and no specs")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Never the journal of whoever runs this.
    os.environ["DATAENVGYM_JOURNAL"] = str(journal_folder())
    search = fuzz_bundles if options.bundles else fuzz_kept if options.kept else fuzz
    tally = search(options.inputs, seed=options.seed, first=options.first, limit=options.limit)
    for found in tally.findings[:20]:
        if options.bundles or options.kept:
            print("kept in", save(found, options.keep))
            continue
        with tempfile.TemporaryDirectory() as name:
            here = Path.cwd()
            os.chdir(name)
            least = Finding(
                number=found.number,
                files=smaller(found, Path(name).resolve(), options.limit),
                command=found.command,
                what=found.what,
            )
            os.chdir(here)
        print("kept in", save(least, options.keep))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.inputs} inputs, {tally.commands} commands, {tally.seconds:.0f} s of CPU, peak {peak:.0f} MiB, slowest {tally.slowest:.2f} s ({tally.slowest_input})"
    )
    print(f"exits: {dict(sorted(tally.exits.items()))}; findings: {len(tally.findings)}")
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
