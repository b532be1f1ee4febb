"""Stages as tasks of a Ray cluster: the user's, or one that a run starts on this machine."""
