"""The SEC as the settings say: who asks, where, how often."""

from pathlib import Path

import pytest

from filings.edgar_server import ACCESSION, IDENTITY, PAGE, edgar_server
from raymill import config
from raymill.app.edgar import LIMIT, open_edgar
from raymill.config import settings
from raymill.config.paths import home
from raymill.config.show import shown
from raymill.errors import ConfigError, SourceError
from raymill.state.database import open_database
from raymill.state.limits import Rate
from raymill.state.shared_limit import SharedLimit


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", IDENTITY)
    config.reset()
    return IDENTITY


def test_without_an_identity_nothing_is_asked() -> None:
    with pytest.raises(ConfigError, match="a name and an e-mail address") as caught, open_edgar():
        pass
    assert caught.value.exit_code == 2
    assert caught.value.hint == "export RAYMILL_FILINGS_IDENTITY='Jane Doe jane@doe.example'"


@pytest.mark.parametrize(
    "text",
    [
        "Mia Moe",
        "mia@moe.example",
        "Mia Moe mia@",
        "Mia @moe.example",
        "Mia\r\nX: 1 m@m.ex",
        "M\nm@m.ex",
    ],
)
def test_an_identity_without_name_or_mail_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", text)
    config.reset()
    with pytest.raises(ConfigError, match="give a name and an e-mail address") as caught:
        settings().filings  # noqa: B018
    assert text not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("text", ["Jane Doe jane@doe.example", "Doe & Co. <it@doe.co.uk>"])
def test_an_identity_is_sent_as_it_is_and_masked_everywhere_else(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", text)
    config.reset()
    assert settings().filings.who() == text
    assert text not in repr(settings().filings)
    row = next(row for row in shown() if row.name == "filings.identity")
    assert (row.value, row.default) == ("****", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("RATE", "10.5"), ("RATE", "0"), ("WWW_URL", "www.sec.gov"), ("DATA_URL", "ftp://a.example")],
)
def test_a_rate_above_ten_and_an_odd_address_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RAYMILL_FILINGS_{name}", value)
    config.reset()
    with pytest.raises(ConfigError, match=f"filings.{name.lower()}"):
        settings().filings  # noqa: B018


def test_the_settings_say_where_is_asked_and_where_bodies_are_kept(
    identity: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with edgar_server() as www, edgar_server() as data:
        monkeypatch.setenv("RAYMILL_FILINGS_WWW_URL", f"{www.url}/")
        monkeypatch.setenv("RAYMILL_FILINGS_DATA_URL", data.url)
        config.reset()
        with open_edgar() as edgar:
            company = edgar.resolve("TNY-A")
            assert len(edgar.filings(company.cik)) == 3
            stored = edgar.document(company.cik, ACCESSION, "tiny-20241231.htm")
        assert (www.count(), data.count()) == (2, 2)
    assert stored.read() == PAGE
    assert stored.path.is_relative_to(home() / "filings")


def test_a_block_of_one_process_stops_the_next_one(
    identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(home())
    SharedLimit(database, LIMIT, Rate(8)).stop(600, "blocked")
    database.close()
    monkeypatch.setenv("RAYMILL_FILINGS_DEADLINE_S", "60")
    with edgar_server() as server:
        monkeypatch.setenv("RAYMILL_FILINGS_WWW_URL", server.url)
        config.reset()
        with open_edgar() as edgar, pytest.raises(SourceError, match="left alone for"):
            edgar.tickers()
        assert server.count() == 0
