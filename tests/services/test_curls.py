"""The command lines by which users of the older services asked them, as they were written."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from raymill import json
from raymill.bench.services.servers import Server
from raymill.services.demo.tour import Tour
from services.hosted import HOSTS

pytestmark = pytest.mark.system

# Each line, and the statuses that it is answered with.
LINES: dict[str, tuple[int, ...]] = {
    "curl http://localhost:8000/health": (200,),
    "curl http://localhost:8000/api/algorunner/status": (200,),
    "curl http://localhost:8000/api/screener/status": (200,),
    "curl http://localhost:8000/api/tickscrawler/status": (200,),
    """curl -X POST "http://localhost:8000/api/algorunner/run" \\
  -H "Content-Type: application/json" \\
  -d '{
    "algorithm_id": "momentum_strategy",
    "parameters": {"symbol": "AAPL", "period": 14}
  }'""": (200, 202),
    "curl http://localhost:8000/api/algorunner/algorithms": (200,),
    """curl -X POST "http://localhost:8000/api/algorunner/stop" \\
  -H "Content-Type: application/json" \\
  -d '{"algorithm_id": "momentum_strategy"}'""": (200,),
    """curl -X POST "http://localhost:8000/api/screener/screen" \\
  -H "Content-Type: application/json" \\
  -d '{
    "filters": [
      {
        "type": "price_filter",
        "parameters": {"min_price": 100, "max_price": 500}
      }
    ],
    "limit": 10
  }'""": (200,),
    "curl http://localhost:8000/api/screener/filters": (200,),
    "curl http://localhost:8000/api/screener/market-overview": (200,),
    """curl -X POST "http://localhost:8000/api/screener/custom-filter" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "tech_stocks",
    "criteria": [
      {"field": "sector", "operator": "eq", "value": "Technology"},
      {"field": "market_cap", "operator": "gt", "value": 1000000000}
    ]
  }'""": (201,),
    """curl -X POST "http://localhost:8000/api/tickscrawler/crawl" \\
  -H "Content-Type: application/json" \\
  -d '{
    "source_id": "binance",
    "symbols": ["BTCUSDT", "ETHUSDT"],
    "data_type": "ticks",
    "limit": 100
  }'""": (200, 202),
    "curl http://localhost:8000/api/tickscrawler/sources": (200,),
    """curl -X GET "http://localhost:8000/api/tickscrawler/historical" \\
  -H "Content-Type: application/json" \\
  -d '{
    "symbol": "BTCUSDT",
    "start_date": "2024-01-01",
    "end_date": "2024-01-31",
    "interval": "1h"
  }'""": (200,),
    """curl -X POST "http://localhost:8000/api/tickscrawler/stream" \\
  -H "Content-Type: application/json" \\
  -d '{
    "source": "binance",
    "symbols": ["BTCUSDT"],
    "stream_type": "trades"
  }'""": (201,),
    'curl -w "%{http_code}" http://localhost:8000/health': (200,),
}
TEXTS = ("ray-cluster-project.md", "infrastructure.md")
COMMAND = re.compile(r"^curl (?:[^\n]*\\\n)*(?:[^\n']*(?:'[^']*')?[^\n']*)$", re.MULTILINE)


@pytest.fixture(scope="module", params=HOSTS)
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """`raymill serve --demo` on either host; what still streams is stopped at the end."""
    with request.param(tmp_path_factory.mktemp("demo"), "--demo") as server:
        server.ask("/")
        yield server
        api = f"http://127.0.0.1:{server.port}/api/tickscrawler"
        for one in httpx2.get(f"{api}/streams", timeout=60).json()["result"]["streams"]:
            httpx2.delete(f"{api}/stream/{one['stream_id']}", timeout=120).raise_for_status()


def ask(demo: Server, line: str) -> tuple[int, Any]:
    """Have the shell run a line, on the port of this server; gives the status and the body."""
    here = line.replace("localhost:8000", f"127.0.0.1:{demo.port}")
    here = here.replace('-w "%{http_code}" ', "")
    done = subprocess.run(
        ["bash", "-c", here.replace("curl ", r"curl -sS -w '\n%{http_code}' ", 1)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("localhost:8000")[-1][:40])
def test_a_line_is_answered(demo: Server, line: str) -> None:
    status, body = ask(demo, line)
    assert status in LINES[line], body
    if "/health" in line:
        assert body["services"]["screener"] == "healthy"
    else:
        assert body["status"] == "success"
        assert body["simulated"] is True


def test_the_texts_have_no_other_lines(shared_data: Path) -> None:
    folder = shared_data.parent / "source-documents"
    found = [line for name in TEXTS for line in COMMAND.findall((folder / name).read_text())]
    assert len(found) >= 20
    assert {line for line in found if ":8000" in line} == set(LINES)


def test_what_is_screened_can_be_run(demo: Server) -> None:
    """The flow of the older services: screen, take the first symbol, run, read the result."""
    post = "curl -X POST http://localhost:8000/api"
    kind = "-H 'Content-Type: application/json' -d"
    filters = '{"filters": [{"field": "venue", "operator": "eq", "value": "alpha_vantage"}]}'
    status, screened = ask(demo, f"{post}/screener/screen {kind} '{filters}'")
    assert status == 200
    symbol = screened["result"]["stocks"][0]["symbol"]
    asked = {"algorithm_id": "mean_reversion"}
    asked |= {"parameters": {"symbol": symbol, "lookback_period": 20}}  # type: ignore[dict-item]
    text = json.dumps(asked).decode()
    status, run = ask(demo, f"{post}/algorunner/run?wait=60 {kind} '{text}'")
    assert (status, run["result"]["status"]) == (200, "completed")
    id_ = run["result"]["execution_id"]
    status, again = ask(demo, f"curl http://localhost:8000/api/algorunner/executions/{id_}")
    assert status == 200
    assert again["result"]["result"] == run["result"]["result"]


def test_each_route_of_the_older_services_answers_on_a_tour(demo: Server) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{demo.port}", timeout=120) as client:
        tour = Tour(client)
        tour.go()
    assert len(tour.rows) == 17
    assert [row for row in tour.rows if not row[2].startswith("2")] == []
    assert tour.is_marked
    assert tour.is_completed
