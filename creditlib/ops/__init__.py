"""What estimators are made of: natural axes, no paper, no vocabulary."""
