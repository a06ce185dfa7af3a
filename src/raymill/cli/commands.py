"""Every command by name, and where its function lies; nothing is loaded until one is used."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: its words, the function as `module:function`, one line for the overview."""

    name: str
    where: str
    text: str
    hidden: bool = False


GROUPS = {
    "tasks": "The tasks that are installed",
    "workflows": "Durable runs of workflows",
    "schedules": "Runs that begin by the clock",
    "filings": "Facts of SEC filings",
    "market": "Market data: sources, crawls into the lake, what is stored",
    "crawls": "Crawls of market data",
    "backtests": "Runs of strategies: what came of them, and their stop",
    "filters": "Stored filters for screens",
    "streams": "Live prices on their way into the lake",
    "strategies": "Trading strategies",
    "keys": "Keys of the HTTP API",
    "config": "The settings in force",
    "ray": "Commands of the older runner, with its output",
}

COMMANDS = (
    Command("serve", "raymill.cli.serve:serve", "Serve the HTTP API"),
    Command("api", "raymill.cli.api:api", "Ask any route of the HTTP API"),
    Command("keys create", "raymill.cli.keys:create", "Make a key of the HTTP API"),
    Command("keys ls", "raymill.cli.keys:ls", "List the keys of the HTTP API"),
    Command("keys revoke", "raymill.cli.keys:revoke", "Revoke a key of the HTTP API"),
    Command("run", "raymill.cli.run:run", "Run a task or a pipeline over files or a stream"),
    Command("tasks ls", "raymill.cli.tasks:ls", "List the tasks that are installed"),
    Command("tasks show", "raymill.cli.tasks:show", "Show a task: columns, parameters, outcomes"),
    Command("workflows ls", "raymill.cli.workflows.look:ls", "List runs, the newest first"),
    Command(
        "workflows show", "raymill.cli.workflows.look:show", "Show a run: its steps, what happened"
    ),
    Command("workflows start", "raymill.cli.workflows.start:start", "Start a run of a workflow"),
    Command("workflows watch", "raymill.cli.workflows.start:watch", "Follow a run to its end"),
    Command("workflows cancel", "raymill.cli.workflows.steer:cancel", "Cancel runs"),
    Command(
        "workflows pause", "raymill.cli.workflows.steer:pause", "Begin no further step of runs"
    ),
    Command("workflows resume", "raymill.cli.workflows.steer:resume", "Go on with paused runs"),
    Command("workflows retry", "raymill.cli.workflows.steer:retry", "Take failed runs up again"),
    Command("workflows answer", "raymill.cli.workflows.steer:answer", "Answer a question of a run"),
    Command("workflows logs", "raymill.cli.workflows.look:logs", "Read what steps logged"),
    Command("workflows redrive", "raymill.cli.workflows.steer:redrive", "Take up all failed runs"),
    Command("schedules ls", "raymill.cli.schedules:ls", "List the schedules"),
    Command("schedules add", "raymill.cli.schedules:add", "Start runs by the clock"),
    Command("schedules pause", "raymill.cli.schedules:pause", "Start no run for a while"),
    Command("schedules resume", "raymill.cli.schedules:resume", "Start runs again"),
    Command("schedules rm", "raymill.cli.schedules:rm", "Take a schedule away"),
    Command(
        "orchestrator", "raymill.cli.orchestrator:orchestrator", "Run workflows in the foreground"
    ),
    Command(
        "filings process",
        "raymill.cli.filings.process:process",
        "Fetch the filings of companies and keep their facts",
    ),
    Command("filings watch", "raymill.cli.filings.watch:watch", "Process dropped tickers"),
    Command("filings update", "raymill.cli.filings.update:update", "Fetch what was filed since"),
    Command("filings bulk", "raymill.cli.filings.bulk:bulk", "Store the facts of all companies"),
    Command("filings status", "raymill.cli.filings.status:status", "Show where companies stand"),
    Command("filings retry", "raymill.cli.filings.retry:retry", "Take up companies that failed"),
    Command(
        "filings extract",
        "raymill.cli.filings.extract:extract",
        "Write the facts of documents to a file",
    ),
    Command(
        "filings facts",
        "raymill.cli.filings.facts:facts",
        "Show the standard metrics of a company, as known on a day",
    ),
    Command("market sources", "raymill.cli.market.lake:sources", "List sources of market data"),
    Command(
        "market crawl",
        "raymill.cli.market.crawl:crawl",
        "Complete bars, trades or quotes of a range",
    ),
    Command("market import", "raymill.cli.market.files:import_", "Store CSV and Parquet files"),
    Command("market history", "raymill.cli.market.lake:history", "Show stored records"),
    Command(
        "market coverage", "raymill.cli.market.lake:coverage", "Show which ranges are complete"
    ),
    Command("crawls ls", "raymill.cli.market.crawls:ls", "List crawls, the newest first"),
    Command("crawls show", "raymill.cli.market.crawls:show", "Show how far a crawl is"),
    Command("crawls cancel", "raymill.cli.market.crawls:cancel", "Cancel crawls"),
    Command("crawls pause", "raymill.cli.market.crawls:pause", "Let crawls wait"),
    Command("crawls resume", "raymill.cli.market.crawls:resume", "Go on with paused crawls"),
    Command("crawls retry", "raymill.cli.market.crawls:retry", "Take failed crawls up again"),
    Command("screen", "raymill.cli.screen:screen", "Screen instruments by a request"),
    Command("filters ls", "raymill.cli.market.filters:ls", "List stored filters for screens"),
    Command("filters show", "raymill.cli.market.filters:show", "Show a stored filter"),
    Command("filters add", "raymill.cli.market.filters:add", "Store a filter under a name"),
    Command("filters rm", "raymill.cli.market.filters:rm", "Take stored filters away"),
    Command("overview", "raymill.cli.overview:overview", "Sum the market up, by sector"),
    Command("backtest", "raymill.cli.market.backtest:backtest", "Run a trading strategy over bars"),
    Command("paper", "raymill.cli.market.paper:paper", "Follow bars as they come, on paper"),
    Command("scan", "raymill.cli.market.scan:scan", "Look for arbitrage in recorded quotes"),
    Command("backtests ls", "raymill.cli.market.backtests:ls", "List runs of strategies"),
    Command("backtests show", "raymill.cli.market.backtests:show", "Show a run of a strategy"),
    Command("backtests stop", "raymill.cli.market.backtests:stop", "Stop runs of strategies"),
    Command("sweep", "raymill.cli.market.sweep:sweep", "Run a strategy with many parameter sets"),
    Command(
        "strategies ls",
        "raymill.cli.market.strategies:ls",
        "List the strategies that are installed",
    ),
    Command(
        "strategies show",
        "raymill.cli.market.strategies:show",
        "Show a strategy: what it does, its parameters",
    ),
    Command(
        "market stream", "raymill.cli.market.stream:stream", "Store live trades, quotes or bars"
    ),
    Command("streams ls", "raymill.cli.market.streams:ls", "List streams, the newest first"),
    Command("streams show", "raymill.cli.market.streams:show", "Show where a stream stands"),
    Command("streams stop", "raymill.cli.market.streams:stop", "Stop streams"),
    Command("bench", "raymill.cli.bench:bench", "Measure speed and memory on this machine"),
    Command(
        "demo", "raymill.cli.demo:demo", "Run the main job on real readings and show the result"
    ),
    Command("doctor", "raymill.cli.doctor:doctor", "Check this machine and the installation"),
    Command("config show", "raymill.cli.config:show", "Show every setting and where it came from"),
    Command("ray run-file", "raymill.cli.ray:run_file", "Run a task over one file", hidden=True),
    Command(
        "ray run-batch", "raymill.cli.ray:run_batch", "Run a task over many files", hidden=True
    ),
)

_OVERVIEW = """\
Usage: raymill COMMAND

Write the logic once in plain Python; run it in process or on a Ray cluster,
and get the same answer everywhere.

Commands:
{commands}

Options:
  -h, --help   Show this text, or that of a command: raymill COMMAND --help
  --version    Show the version
"""


def overview() -> str:
    """The text of `raymill --help`."""
    shown = [command for command in COMMANDS if not command.hidden]
    width = max(len(command.name) for command in shown)
    lines = (f"  {command.name:<{width}}   {command.text}" for command in shown)
    return _OVERVIEW.format(commands="\n".join(lines))
