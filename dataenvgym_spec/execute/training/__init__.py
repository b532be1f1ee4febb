"""Training in processes of its own: launching them, and what runs in them."""
