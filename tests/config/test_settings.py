import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr

from raymill import config
from raymill.config import settings
from raymill.config.paths import cache_home, compiled_folder, home
from raymill.config.section import Section, load, setting
from raymill.config.sections import SECTIONS, unread_variables
from raymill.config.show import Shown, shown, shown_section
from raymill.errors import ConfigError, UnknownName


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def row(name: str) -> Shown:
    return next(row for row in shown() if row.name == name)


def test_without_anything_given_the_defaults_hold(folder: Path) -> None:
    assert settings().streams.checkpoint_s == 5.0
    assert settings().streams.key_groups == 64
    assert settings().streams.on_error == "dead-letter"
    assert settings().ray.address is None
    assert row("streams.key_groups").origin == "default"


def test_a_variable_is_typed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "16")
    assert settings().streams.key_groups == 16
    assert row("streams.key_groups").origin == "environment RAYMILL_STREAMS_KEY_GROUPS"


def test_an_empty_variable_counts_as_not_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "")
    assert settings().streams.key_groups == 64


def test_an_alias_is_read_behind_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert row("ray.address").origin == "alias RAY_ADDRESS"
    monkeypatch.setenv("RAYMILL_RAY_ADDRESS", "10.0.0.2:6379")
    assert settings().ray.address == "10.0.0.2:6379"


FILES = {
    "raymill.toml": "[streams]\nkey_groups = 8\n[log]\nlevel = 'info'\n",
    "raymill.yaml": "streams:\n  key_groups: 8\nlog: {level: info}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_settings_file_of_the_folder_is_read(folder: Path, name: str) -> None:
    (folder / name).write_text(FILES[name])
    assert settings().streams.key_groups == 8
    assert settings().log.level == "info"
    assert row("log.level").origin == f"file {name}"


def test_a_variable_goes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "raymill.toml").write_text(FILES["raymill.toml"])
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "16")
    assert settings().streams.key_groups == 16


def test_a_named_settings_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.toml").write_text("[paths]\nhome = 'kept'\n")
    monkeypatch.setenv("RAYMILL_CONFIG", "other.toml")
    monkeypatch.delenv("RAYMILL_HOME")
    assert home() == settings().paths.home == Path("kept")


def test_a_named_settings_file_that_is_missing_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_CONFIG", "absent.toml")
    with pytest.raises(ConfigError, match=r"`absent.toml`: No such file"):
        settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raymill.toml", "key_groups = "),
        ("raymill.toml", "key_groups = 8"),
        ("raymill.yaml", "- 1\n- 2\n"),
        ("raymill.yaml", "a: [\n"),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ConfigError, match=name) as caught:
        settings()
    assert "section" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[stream]\nkey_groups = 8", "did you mean `streams`?"),
        ("[streams]\nkey_group = 8", "did you mean `key_groups`?"),
    ],
)
def test_a_misspelt_name_in_the_file_has_near_matches(folder: Path, text: str, hint: str) -> None:
    (folder / "raymill.toml").write_text(text)
    with pytest.raises(UnknownName) as caught:
        settings()
    assert str(caught.value.hint).startswith(hint)


def test_a_wrong_value_is_named_with_its_origin(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_STREAMS_CHECKPOINT_S", "soon")
    with pytest.raises(ConfigError) as caught:
        _ = settings().streams
    assert caught.value.message == (
        "Setting `streams.checkpoint_s` is `soon` (environment RAYMILL_STREAMS_CHECKPOINT_S): "
        "Input should be a valid number, unable to parse string as a number"
    )
    assert caught.value.hint == "Time between two checkpoints; default 5.0 s"


def test_joining_whatever_cluster_is_found_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(ConfigError, match="whatever cluster is found"):
        _ = settings().ray
    monkeypatch.setenv("RAY_ADDRESS", "local")
    config.reset()
    assert settings().ray.address is None


def test_settings_are_kept_until_reset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().streams.key_groups == 64
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "16")
    assert settings().streams.key_groups == 64
    config.reset()
    assert settings().streams.key_groups == 16


class Vault(Section):
    """A section with a secret."""

    section: ClassVar[str] = "vault"
    token: SecretStr | None = setting(None, "Key of the vault")
    retries: int = setting(1, "Attempts", ge=1)


def test_a_secret_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_VAULT_TOKEN", "hunter2")
    token = next(shown_section(Vault))
    assert token.value == "****"
    assert "hunter2" not in repr(load(Vault))
    assert load(Vault).token == SecretStr("hunter2")


def test_a_variable_that_belongs_to_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_STREAM_KEYGROUPS", "1")
    assert unread_variables() == ["RAYMILL_STREAM_KEYGROUPS"]


def test_every_setting_has_a_line_of_text_and_a_section_of_its_own() -> None:
    assert len({section.section for section in SECTIONS}) == len(SECTIONS)
    for section in SECTIONS:
        assert all(field.description for field in section.model_fields.values())


def test_home_is_a_hidden_folder_here_unless_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYMILL_HOME")
    assert home() == Path(".raymill")
    assert not home().exists()


def test_compiled_code_lies_in_the_cache_apart_for_each_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_home() == Path("/caches/raymill")
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{version}-" in compiled_folder().name
    monkeypatch.setenv("RAYMILL_CACHE_HOME", "/fast")
    assert cache_home() == Path("/fast/raymill")


def test_kernels_find_their_folder_without_pydantic() -> None:
    code = "import sys, raymill.config.paths; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_address_of_a_database_is_used_and_never_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://ada:geheim@db.example/mill"
    monkeypatch.setenv("RAYMILL_DATABASE_URL", url)
    assert settings().database.address == url
    assert row("database.url").value == "****"
    assert "geheim" not in repr(settings().database)


def test_an_address_of_no_server_is_refused_without_showing_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_DATABASE_URL", "mysql://ada:geheim@db.example/mill")
    with pytest.raises(
        ConfigError, match=r"`\*\*\*\*` .*does not begin with `postgresql://`"
    ) as caught:
        settings().database.address  # noqa: B018
    assert "geheim" not in str(caught.value) + str(caught.value.hint)
