"""What a law is, and how one is run on many batches and reported."""
