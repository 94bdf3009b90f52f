"""Methods that multiply the credit of a simpler one."""
