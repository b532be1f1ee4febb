"""Declarative, reproducible experiments in closed-loop data generation.

A spec is validated, compiled into stages that DVC runs, and its results are projected into reports,
MLflow and data frames. `load("quickstart")` opens what an experiment has produced.

The package is 17 wings on eight floors; a wing imports only from lower floors.

    core        diagnostics, hashing, this machine, this run
    language    what a spec may say: tree, records, schema, validation, definitions of components
    records     what flows between stages, typed, with the one reader and writer of JSON
    resolve     one file to complete arms: extends, matrix, arms, --set, lock, files, defaults
    graph       the waist: stage, port, kinds and roles, parameters, component, keys, promises
    gym         what a spec can name: environments, policies, engines, teachers, checks, skills,
                tasks, students, sandboxes; a package with components imports this wing alone
    compile     rules, the loop lowered to stages, and the passes: share, leakage, blame
    store       where results are: layout, scratch, locks, garbage; dvc/ and git/
    emit        the graph as text and files
    results     what came out: runs, scores, costs, evidence, tables
    setup       doctor and scaffold
    questions   plan, diff, explain, status, costs, garbage
    report      a study as a page
    track       results as runs of MLflow
    execute     runs one stage; training, warm workers
    schedule    which stage when and where
    cli         one command a file

How a spec becomes a result: language, resolve, compile (with graph and records), emit, execute
(with gym and schedule), results, then report and track; questions are asked beside it, cli is on
top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataenvgym_spec.results.notebook import Notebook, load
    from dataenvgym_spec.results.tables import Table

__all__ = ["Notebook", "Table", "load"]


def __getattr__(name: str) -> Any:
    # A command imports this package for its name only; what reads results is imported when asked
    # for.
    if name in ("Notebook", "load"):
        from dataenvgym_spec.results import notebook

        return getattr(notebook, name)
    if name == "Table":
        from dataenvgym_spec.results.tables import Table

        return Table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
