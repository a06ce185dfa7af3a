"""Requests made from the description of the API: no 5xx, and every answer is as described."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from raymill import config
from raymill.app.workflows import Workflows
from raymill.services.hosts.local import local_api

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


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The description of the whole API, in this process, without a source that asks a network."""
    given = {f"RAYMILL_MARKET_{name}_ENABLED": "false" for name in VENDORS}
    given |= {"RAYMILL_FILINGS_IDENTITY": "Test test@raymill.example"}
    given |= {f"RAYMILL_FILINGS_{name}_URL": "http://127.0.0.1:9" for name in ("WWW", "DATA")}
    given |= {"RAYMILL_SERVE_MAX_WAIT_S": "1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Workflows, "ensure", lambda self: False)  # what is asked for stays so
    config.reset()
    chosen = config.settings().serve.model_copy(update={"allowed_hosts": HOST})
    app, _ = local_api(chosen)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_a_request_of_any_kind_is_answered_as_described(api: Any) -> None:
    failures = {}
    for found in api.get_all_operations():
        operation = found.ok()
        try:
            _ask_often(operation)
        except Exception as failure:
            failures[operation.label] = str(failure)
    assert not failures, "\n\n".join(f"{name}: {text}" for name, text in failures.items())


def _ask_often(operation: Any) -> None:
    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=EXAMPLES,
        derandomize=True,  # the same requests in every run
        database=None,
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers={"Host": HOST})

    ask()
