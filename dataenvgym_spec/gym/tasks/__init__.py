"""What is learned: where items come from, and how answers to them are scored."""
