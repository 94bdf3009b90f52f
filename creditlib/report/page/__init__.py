"""One HTML page on the credit of a batch: page.html.jinja, page.css and page.js hold its parts."""

from creditlib.report.page.render import (
    LIMIT,
    Report,
    build_report,
    check_page_file,
    report_page,
    write_report,
)

__all__ = ["LIMIT", "Report", "build_report", "check_page_file", "report_page", "write_report"]
