"""The command line: one command a file, imported only when it is called.

Answers are computed in other wings and rendered here.
"""
