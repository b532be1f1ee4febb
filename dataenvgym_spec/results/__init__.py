"""What came out of an experiment: stages, runs, scores, curves, costs, samples, tables.

How it is shown is in `report` and `track`. Only what reads an experiment is re-exported here.
"""

from dataenvgym_spec.results.experiment import Results, load

__all__ = ["Results", "load"]
