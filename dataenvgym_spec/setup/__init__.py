"""Making a repository that runs: checks of the machine, repairs, and a template to start from.

Nothing here runs a stage. Each command imports its file.
"""
