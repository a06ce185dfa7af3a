"""Who may ask: keys and their scopes, names of the host, pages of others, and what is logged."""

from collections.abc import Iterator

import pytest
from starlette.testclient import WebSocketDenialResponse

from filings.machine import until
from raymill import config, log
from raymill.app.keys import stored_keys
from raymill.config.serve import ServeSettings
from raymill.errors import ConfigError
from raymill.services import access
from raymill.services.access import check_start, needs_keys
from raymill.state.keys import Scope
from services.conftest import Served
from services.echo import Echo

THING = "/api/echo/things/a"
SAY = "/api/echo/say"


def bearer(scope: Scope = "read", name: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {stored_keys().create(name or scope, scope).secret}"}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are read for each request."""
    monkeypatch.setattr(access, "FRESH_S", 0.0)


def test_a_host_that_needs_keys_answers_nothing_without_one(served: Served) -> None:
    client = served(Echo, auth="on")
    for path in (THING, "/api/echo/", "/metrics", "/docs", "/openapi.json", "/nowhere"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="raymill"'
        assert answer.json()["type"] == "/docs/errors#AccessDenied"
    assert [client.get(path).status_code for path in ("/", "/health", "/ready")] == [200] * 3


def test_a_key_is_taken_from_either_header(served: Served) -> None:
    client = served(Echo, auth="on")
    secret = stored_keys().create("me").secret
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"bearer  {secret}"},
        {"X-API-Key": secret},
        {"X-API-Key": secret, "Authorization": "Basic abc"},
    ):
        assert client.get(THING, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer x", "Bearer rmk_000000000000_" + "A" * 43, "Bearer \xe4\xff"]
)
def test_a_key_that_is_none_is_refused_even_where_none_is_needed(
    served: Served, value: str
) -> None:
    given = [("Authorization", value.encode("latin-1"))]
    assert served(Echo, auth="on").get(THING, headers=given).status_code == 401
    wanted = 401 if value else 200
    assert served(Echo).get(THING, headers=given).status_code == wanted


def test_two_keys_in_one_request_are_refused(served: Served) -> None:
    headers = bearer("read") | {"X-API-Key": stored_keys().create("other").secret}
    assert served(Echo, auth="on").get(THING, headers=headers).status_code == 401


@pytest.mark.usefixtures("hurried")
def test_a_revoked_key_is_refused(served: Served) -> None:
    client = served(Echo, auth="on")
    headers = bearer("read", "me")
    assert client.get(THING, headers=headers).status_code == 200
    stored_keys().revoke("me")
    until(lambda: client.get(THING, headers=headers).status_code == 401, "the refusal")


def test_a_scope_is_looked_at_before_what_is_asked(served: Served) -> None:
    client = served(Echo, auth="on")
    read, write = bearer("read"), bearer("write")
    wrong = {"no such": "field"}
    refused = client.post(SAY, json=wrong, headers=read)
    assert refused.status_code == 403
    assert refused.json()["detail"] == "Key `read` allows `read`, and this needs `write`"
    assert refused.json()["hint"] == "raymill keys create NAME --scope write"
    assert client.post(SAY, json=wrong, headers=write).status_code == 422
    assert client.post(SAY, json={"text": "hello"}, headers=write).status_code == 202


def test_a_websocket_needs_a_key_too(served: Served) -> None:
    client = served(Echo, auth="on")
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/api/echo/counted/ws?to=1"),
    ):
        raise AssertionError
    assert refused.value.status_code == 401
    with client.websocket_connect("/api/echo/counted/ws?to=1", headers=bearer()) as socket:
        assert socket.receive_json() == {"number": 1}


KEEPERS = ["the store", pytest.param("redis", marks=pytest.mark.system)]


@pytest.mark.parametrize("keeper", KEEPERS)
def test_a_key_asks_so_often_over_all_replicas_and_is_told_when_to_come_again(
    served: Served, keeper: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if keeper == "redis":
        monkeypatch.setenv("REDIS_URL", request.getfixturevalue("redis_url"))
        config.reset()
    one, other = served(Echo, auth="on"), served(Echo, auth="on")
    secret = stored_keys().create("slow", rate=0.01).secret
    headers, others = {"X-API-Key": secret}, bearer()
    assert one.get(THING, headers=headers).status_code == 200
    for client in (one, other):
        refused = client.get(THING, headers=headers)
        assert refused.status_code == 429
        assert 90 <= int(refused.headers["retry-after"]) <= 100
        assert refused.json()["type"] == "/docs/errors#TooBusy"
    assert one.get(THING, headers=others).status_code == 200


def test_a_key_without_a_limit_asks_as_often_as_it_likes(served: Served) -> None:
    client = served(Echo, auth="on", key_rate=0.01)
    headers, usual = {"X-API-Key": stored_keys().create("quick", rate=0).secret}, bearer()
    assert {client.get(THING, headers=headers).status_code for _ in range(5)} == {200}
    answers = [client.get(THING, headers=usual).status_code for _ in range(2)]
    assert answers == [200, 429]


@pytest.mark.usefixtures("hurried")
def test_a_websocket_ends_when_its_key_is_revoked(served: Served) -> None:
    client = served(Echo, auth="on")
    headers = bearer("read", "me")
    with client.websocket_connect("/api/echo/counted/ws?to=-0", headers=headers) as socket:
        assert socket.receive()["code"] == 1000
    with client.websocket_connect("/api/echo/endless/ws", headers=headers) as socket:
        assert socket.receive_json() == {"number": 1}
        stored_keys().revoke("me")
        while (message := socket.receive())["type"] == "websocket.send":
            continue
        assert (message["code"], message["reason"]) == (1008, "The key was revoked")


@pytest.mark.usefixtures("hurried")
def test_a_stream_of_events_ends_when_its_key_is_revoked(served: Served) -> None:
    client = served(Echo, auth="on")
    answer = client.get("/api/echo/revoking", headers=bearer("read", "me"))
    assert answer.status_code == 200
    told = [line for line in answer.text.splitlines() if line.startswith("id")]
    assert told == [f"id: {number}" for number in range(1, len(told) + 1)]
    assert told


def test_documents_and_counts_can_be_open_where_keys_are_needed(served: Served) -> None:
    client = served(Echo, auth="on", protect_docs=False, protect_metrics=False)
    for path in ("/docs", "/docs/errors", "/docs/style.css", "/openapi.json", "/metrics"):
        assert client.get(path).status_code == 200
    assert client.get(THING).status_code == 401


@pytest.mark.parametrize(
    ("called", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("API.example.org", 200),
        ("evil.example.org", 421),
        ("127.0.0.1.evil.example.org:8000", 421),
        ("", 421),
    ],
)
def test_a_name_that_somebody_else_made_lead_here_is_refused(
    served: Served, called: str, status: int
) -> None:
    client = served(Echo, allowed_hosts="api.example.org")
    assert client.get(THING, headers={"Host": called}).status_code == status


@pytest.mark.in_process(reason="on Ray Serve the client calls it by a name of this machine")
def test_on_loopback_only_names_of_this_machine_lead_here(served: Served) -> None:
    assert served(Echo, allowed_hosts="").get(THING).status_code == 421
    beyond = served(Echo, allowed_hosts="", host="0.0.0.0", protect_docs=False)
    assert beyond.get("/docs").status_code == 200


def test_pages_of_others_change_nothing(served: Served) -> None:
    client = served(Echo)
    headers = {"Origin": "https://evil.example.org"}
    assert client.post(SAY, json={"text": "a"}, headers=headers).status_code == 403
    assert client.post(SAY, json={"text": "a"}, headers={"Origin": "null"}).status_code == 403
    own = {"Origin": str(client.base_url).rstrip("/")}
    assert client.post(SAY, json={"text": "a"}, headers=own).status_code == 202
    with (
        pytest.raises(WebSocketDenialResponse),
        client.websocket_connect("/api/echo/counted/ws?to=1", headers=headers),
    ):
        raise AssertionError


def test_browsers_are_told_of_the_origins_that_are_set_and_of_no_other(served: Served) -> None:
    mine, other = {"Origin": "https://a.example"}, {"Origin": "https://b.example"}
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    closed = served(Echo)
    assert "access-control-allow-origin" not in closed.get(THING, headers=mine).headers
    client = served(Echo, auth="on", cors_origins="https://a.example")
    told = client.options(SAY, headers=mine | ask)
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, mine["Origin"])
    assert "access-control-allow-credentials" not in told.headers
    assert client.options(SAY, headers=other | ask).status_code == 400
    answer = client.post(SAY, json={"text": "a"}, headers=mine | bearer("write"))
    assert (answer.status_code, answer.headers["vary"]) == (202, "Origin")


@pytest.mark.in_process(reason="is about settings alone")
@pytest.mark.parametrize("text", ["*", "a.example", "https://a.example/", "https://a.example/x"])
def test_an_origin_is_named_exactly(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        ServeSettings(cors_origins=text)


@pytest.mark.in_process(reason="is about the start alone")
@pytest.mark.parametrize(
    ("host", "auth", "needed"),
    [
        ("127.0.0.1", "auto", False),
        ("::1", "auto", False),
        ("localhost", "auto", False),
        ("127.0.0.1", "on", True),
        ("0.0.0.0", "auto", True),
        ("::", "auto", True),
        ("192.168.1.4", "auto", True),
        ("api.example.org", "auto", True),
    ],
)
def test_beyond_loopback_it_does_not_start_without_a_key(
    host: str, auth: str, needed: bool
) -> None:
    settings = ServeSettings(host=host, auth=auth)
    assert needs_keys(settings) is needed
    check_start(settings, lambda: True)
    if needed:
        with pytest.raises(ConfigError) as refused:
            check_start(settings, lambda: False)
        assert refused.value.hint == "raymill keys create NAME --scope admin"


@pytest.mark.in_process(reason="is about the start alone")
def test_beyond_loopback_keys_cannot_be_turned_off() -> None:
    with pytest.raises(ConfigError, match="`off`, and other machines reach"):
        check_start(ServeSettings(host="0.0.0.0", auth="off"), lambda: True)
    check_start(ServeSettings(auth="off"), lambda: False)


@pytest.fixture
def logged() -> Iterator[None]:
    log.configure("debug", "json")
    yield
    log.configure()


@pytest.mark.in_process(reason="reads what this process logs")
@pytest.mark.usefixtures("logged")
def test_no_secret_is_logged(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    client = served(Echo, auth="on")
    made = stored_keys().create("me")
    wrong = "rmk_000000000000_" + "B" * 43
    for secret in (made.secret, wrong):
        client.get(THING, headers={"Authorization": f"Bearer {secret}"})
        client.post(SAY, json={"text": "a"}, headers={"X-API-Key": secret})
        client.get("/api/echo/things/broken", headers={"X-API-Key": secret})
    lines = capfd.readouterr().err
    assert f'"key": "{made.key.id}"' in lines
    for secret in (made.secret, wrong):
        assert secret[17:] not in lines
    assert made.key.digest not in lines
