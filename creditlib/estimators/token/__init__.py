"""Methods that credit a token: float[batch token], or packed float[token]."""
