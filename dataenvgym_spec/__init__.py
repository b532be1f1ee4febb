"""Declarative, reproducible experiments in closed-loop data generation."""

from dataenvgym_spec.results.experiment import Results, load

__all__ = ["Results", "load"]
