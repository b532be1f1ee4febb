"""Running one stage: its context, its executor, training processes and warm workers.

Which stage runs where is decided in `schedule`. Nothing is re-exported, as an executor imports what
its kind needs only.
"""
