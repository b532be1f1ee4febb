"""The kinds of tasks: what of a question counts in each, and its own prompts. All is declared."""
