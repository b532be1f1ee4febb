"""A graph as text and files: stages, entries of experiments, indexes, and pictures.

What the graph holds is decided in `compile`. An emitter has its file's name and
is imported from it.
"""
