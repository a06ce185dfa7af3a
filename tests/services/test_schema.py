"""Requests made from the description of the API: no 5xx, and every answer is as described."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from raymill import config
from raymill.services.hosts.local import local_api
from services.hosted import RAY, on_ray

pytestmark = pytest.mark.system

HOST = "testserver"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 8  # of each route
VENDORS = ("BINANCE", "YAHOO_FINANCE", "ALPHA_VANTAGE", "FOREX_API", "CCXT", "YFINANCE")


Ask = Callable[[Any], Any]
"""Sends the request of a case and looks at the answer."""


@pytest.fixture
def alone(idle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No source that asks a network, and no orchestrator: what is asked for stays so."""
    given = {f"RAYMILL_MARKET_{name}_ENABLED": "false" for name in VENDORS}
    given |= {"RAYMILL_FILINGS_IDENTITY": "Test test@raymill.example"}
    given |= {f"RAYMILL_FILINGS_{name}_URL": "http://127.0.0.1:9" for name in ("WWW", "DATA")}
    given |= {"RAYMILL_SERVE_MAX_WAIT_S": "1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    config.reset()


@pytest.fixture(params=["here", pytest.param("ray", marks=RAY)])
def api(alone: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Any, Ask]]:
    """The description of the whole API, and who asks it: in this process, and on Ray Serve."""
    if request.param == "here":
        chosen = config.settings().serve.model_copy(update={"allowed_hosts": HOST})
        app, _ = local_api(chosen)
        described = schemathesis.openapi.from_asgi("/openapi.json", app)
        yield (
            described,
            lambda case: case.call_and_validate(checks=CHECKS, headers={"Host": HOST}),
        )
        return
    with on_ray(tmp_path / "home") as server, requests.Session() as session:
        described = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
        yield described, lambda case: case.call_and_validate(checks=CHECKS, session=session)


def test_a_request_of_any_kind_is_answered_as_described(api: tuple[Any, Ask]) -> None:
    described, ask = api
    failures = {}
    for found in described.get_all_operations():
        operation = found.ok()
        try:
            _ask_often(operation, ask)
        except Exception as failure:
            failures[operation.label] = str(failure)
    assert not failures, "\n\n".join(f"{name}: {text}" for name, text in failures.items())


def _ask_often(operation: Any, ask: Ask) -> None:
    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=EXAMPLES,
        derandomize=True,  # the same requests in every run
        database=None,
    )
    @given(case=operation.as_strategy())
    def ask_one(case: Any) -> None:
        ask(case)

    ask_one()
