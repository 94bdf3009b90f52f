"""What all operations share: the choice of a backend, operators for torch.compile, helpers.

`operation` declares one, `dispatch` chooses its implementation, `lookup` finds it, `torch_library`
wraps it for torch.compile. `numba_*`, `openmp` and `triton_*` help to write implementations. No
file here knows an operation.
"""
