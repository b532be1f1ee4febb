"""Questions about experiments: what will run and why, what it costs, what differs, what is done.

Answers are records; `cli` renders them. Each command imports the file of its question, so that it
does not wait for the others.
"""
