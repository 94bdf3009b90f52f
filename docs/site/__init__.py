"""The documentation site: `python -m docs.site` builds it into build/docs."""
