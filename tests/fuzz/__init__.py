"""Random batches of every kind against exact numbers; see test_fuzz.py."""
