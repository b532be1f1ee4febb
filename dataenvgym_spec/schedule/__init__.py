"""Which stage runs where and when.

What a stage does is in `execute`. Each command imports its file.
"""
