"""Methods that compare turns with turns of other trajectories."""
