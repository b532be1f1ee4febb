"""Declarative, reproducible experiments in closed-loop data generation."""

from dataenvgym_spec.results import Results, load

__all__ = ["Results", "load"]
