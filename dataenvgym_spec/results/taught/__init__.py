"""Which of the examples that it is given a training takes: for the trainer and for readers."""
