"""The laws on a trainer's own estimator, called with the trainer's signature."""
