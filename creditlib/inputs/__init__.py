"""Data at hand as tensors of the vocabulary.

`ids` turns uids, texts and observations into integers, `similarity` joins texts that are nearly
equal, `layouts` converts between the layouts of trainers, `check_batch` looks at values.
"""
