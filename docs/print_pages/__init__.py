"""Print the pages that are made of docstrings and data: `python -m docs.print_pages`."""
