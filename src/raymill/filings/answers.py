"""What the answers of the SEC's servers mean: by their status, and by what their body is."""

from raymill.net.judge import Judge, by_status
from raymill.net.messages import Head
from raymill.net.retry import retry_after
from raymill.net.verdict import Verdict

_GONE = (b"<Code>NoSuchKey</Code>", b"<Code>AccessDenied</Code>")


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
    if head.status == 403:
        asked = retry_after(head.header("retry-after"), now) or 0.0
        return Verdict("blocked", max(block_s, asked), "the server has blocked us (403)")
    if head.status == 200 and _is_page_for_data(head):
        return Verdict("transient", reason="a page came instead of data")
    return by_status(head, now)


def _is_page_for_data(head: Head) -> bool:
    """An HTML page where JSON was announced: a proxy's or a maintenance page."""
    start = head.start.lstrip()[:15].lower()
    is_data = "json" in head.header("content-type") or "zip" in head.header("content-type")
    return is_data and start.startswith((b"<!doctype html", b"<html"))
