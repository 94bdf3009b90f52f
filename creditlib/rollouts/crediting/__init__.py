"""Credit of stored rollouts, at any size: two passes over files, see `credit`.

Pass one (`scan.scan_unit`) turns a row group into a `Part`, pass two (`credit_pass.credit_bucket`)
credits whole groups, and `sidecar.write_output` writes one file. Each is a function of its
arguments, and `merge_facts` and `merge_bucket_counts` reduce their counts, so that another engine
can run them anywhere.
"""

from creditlib.rollouts.crediting.engine import credit, memory_bytes
from creditlib.rollouts.crediting.progress import Progress
from creditlib.rollouts.crediting.summary import CREDIT_QUANTILES, Summary

__all__ = ["CREDIT_QUANTILES", "Progress", "Summary", "credit", "memory_bytes"]
