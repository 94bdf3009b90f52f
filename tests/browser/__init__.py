"""Tests of the report in a browser: a real Chromium opens the page that the command writes."""
