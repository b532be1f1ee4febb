"""Stages as jobs of Slurm, on a file system that its nodes share.

A job does all of a stage's work by itself, and waits for those before it, so that the machine that
has submitted it may be away.
"""
