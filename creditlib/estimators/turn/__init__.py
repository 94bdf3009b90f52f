"""Methods that credit a turn: float[batch turn]."""
