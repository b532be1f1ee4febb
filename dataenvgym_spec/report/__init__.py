"""From a study to its page, tables of numbers and figures.

The numbers are computed in `results`. Nothing is re-exported, as figures are slow to import.
"""
