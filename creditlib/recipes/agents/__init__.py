"""Methods that compare the rows of agents and roles."""
