"""The contract of state and action between student and policy: one environment a file."""
