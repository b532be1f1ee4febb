"""Statistics of scores: intervals and the contrasts that a spec declares."""
