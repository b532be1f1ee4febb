"""Lowering: the stages of a resolved experiment, one file for each part of the way."""
