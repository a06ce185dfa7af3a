"""How a request leaves the process: one client, tries with a budget, limits of a whole cluster.

Knows no vendor: an adapter hands in how an answer is judged (`Judge`) and which limit it falls
under (`Limit`). `Fetcher` puts them together.
"""

from raymill.net.fetch import Fetcher, Limit, Unlimited
from raymill.net.http import Http, Timeouts
from raymill.net.judge import Judge, by_status
from raymill.net.messages import Answer, Head, Request
from raymill.net.retry import Tries
from raymill.net.verdict import Kind, Verdict

__all__ = [
    "Answer",
    "Fetcher",
    "Head",
    "Http",
    "Judge",
    "Kind",
    "Limit",
    "Request",
    "Timeouts",
    "Tries",
    "Unlimited",
    "Verdict",
    "by_status",
]
