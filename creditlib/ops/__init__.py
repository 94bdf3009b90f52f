"""Operations on natural axes, without papers and without the vocabulary: one folder each.

A folder holds `reference.py`, the definition in plain torch, and beside it what is faster:
`numba_loops.py` on a CPU, `triton_launch.py` and `triton_kernel.py` on a GPU. Its `__init__.py`
declares the operations; calling one chooses the implementation.
"""
