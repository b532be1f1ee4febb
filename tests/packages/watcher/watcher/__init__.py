"""Components that are declared to read a student."""
