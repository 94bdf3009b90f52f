"""Measurements of the Triton kernels: on a GPU, and without one by a stand-in for its driver."""
