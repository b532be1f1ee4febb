"""Passes over the graph, one file each: sharing, the proof of no leakage, and its diagnostics."""
