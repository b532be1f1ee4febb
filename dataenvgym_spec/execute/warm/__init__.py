"""Warm workers: processes that keep libraries and models loaded between stages."""
