"""The documents, and `docs.print_pages`, which prints those that are made of docstrings."""
