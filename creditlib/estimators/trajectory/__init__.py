"""Methods that credit a trajectory: float[batch]."""
