"""What is trained and asked: models, adapters, trainers, and the backends that run them."""
