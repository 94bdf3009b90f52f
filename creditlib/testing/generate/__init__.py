"""Random batches: from bytes to consistent tensors for any annotated function."""
