"""Examples of creditlib in use; most are scripts of one file."""
