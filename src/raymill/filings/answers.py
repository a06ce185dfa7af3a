"""What the answers of the SEC's servers mean: by their status, and by what their body is."""

import re

from raymill.net.judge import Judge, by_status
from raymill.net.messages import Head
from raymill.net.retry import retry_after
from raymill.net.verdict import Verdict

_GONE = (b"<Code>NoSuchKey</Code>", b"<Code>AccessDenied</Code>")
_THRESHOLD = b"Request Rate Threshold Exceeded"
_NO_PAGE = re.compile(r"(\.json|\.idx|\.zip|_htm\.xml|/\d{10}-\d\d-\d{6}\.txt)$")
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE)


def judge(block_s: float) -> Judge:
    """The judge of an answer; `block_s` is how long all are silent after a block page."""

    def judged(head: Head, now: float) -> Verdict:
        return verdict(head, now, block_s)

    return judged


def verdict(head: Head, now: float, block_s: float) -> Verdict:
    """Judge one answer.

    The archive says 403 as XML of something that is not there, and 403 as an HTML page to somebody
    whom it has blocked.

    >>> page = b"<!DOCTYPE html><title>SEC.gov | Request Rate Threshold Exceeded</title>"
    >>> verdict(Head(403, {"content-type": "text/html"}, page), 0.0, 600).kind
    'blocked'
    >>> verdict(Head(403, {}, b"<Error><Code>AccessDenied</Code></Error>"), 0.0, 600).kind
    'missing'
    """
    if head.status in (403, 404) and any(code in head.start for code in _GONE):
        return Verdict("missing", reason="there is no such file")
    if head.status == 403 or (head.status != 200 and _THRESHOLD in head.start):
        asked = retry_after(head.header("retry-after"), now) or 0.0
        reason = f"the server has blocked us ({head.status})"
        return Verdict("blocked", max(block_s, asked), reason)
    if head.status == 200 and not head.start:
        return Verdict("transient", reason="the answer is empty")
    if head.status == 200 and _NO_PAGE.search(head.url) and _PAGE.match(head.start):
        return Verdict("transient", reason="a page came instead of data")
    return by_status(head, now)
