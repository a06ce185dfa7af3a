"""`raymill crawls`: list crawls, look at one, steer them."""

from typing import TYPE_CHECKING

from raymill.app.runs import Status
from raymill.cli.page_options import NEWEST, PageOptions
from raymill.cli.report import show_json, show_values
from raymill.cli.requests import asks

if TYPE_CHECKING:
    from raymill.app.market.crawls import Crawls


def ls(
    *,
    status: Status | None = None,
    page: PageOptions = NEWEST,
    json_: bool = False,
) -> None:
    """List crawls, the newest first.

    Parameters
    ----------
    status
        Only crawls that are submitted, running, paused, completed, failed or cancelled.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.crawls import Crawls
    from raymill.cli.market.crawling import show

    with Crawls() as crawls:
        found = crawls.ls(status=status, before=page.before or "", most=page.most)
    if json_:
        show_json([one.to_dict() for one in found])
    else:
        show(found)


def show(run: str, /, *, json_: bool = False) -> None:
    """Show a crawl: how far it is, what it stored, what it waits for.

    Parameters
    ----------
    run
        The id of the run.
    json_
        Write it as JSON.
    """
    from raymill.app.market.crawls import Crawls

    with Crawls() as crawls:
        found = crawls.standing(run).to_dict()
    if json_:
        show_json(found)
    else:
        show_values({name: str(value) for name, value in found.items() if value is not None})


def _crawls() -> "Crawls":
    from raymill.app.market.crawls import Crawls

    return Crawls()


cancel, pause, resume, retry = (
    asks("crawls", kind, text, _crawls)
    for kind, text in (
        ("cancel", "Cancel crawls; what they have stored stays, and is not asked for again."),
        ("pause", "Let crawls that wait or have not begun wait until they are resumed."),
        ("resume", "Go on with paused crawls."),
        ("retry", "Take failed or cancelled crawls up where they were."),
    )
)
