"""Evaluations that several processes share: which prompts each asks, and how answers are kept."""
