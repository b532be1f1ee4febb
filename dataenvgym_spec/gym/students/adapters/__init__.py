"""Which weights of a model training changes: one adapter a file."""
