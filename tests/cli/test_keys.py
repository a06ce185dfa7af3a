"""`raymill keys`: a secret is shown once, to whoever made it."""

from cli.running import Shell
from raymill import json
from raymill.app.keys import stored_keys
from raymill.state.keys import Ring


def test_a_key_is_made_listed_and_revoked(sh: Shell) -> None:
    made = sh("keys", "create", "dashboard", "--scope", "write", "--rate", "50")
    secret = made.out.strip()
    key = Ring(stored_keys().in_force()).find(secret)
    assert key is not None
    assert (made.code, key.name, key.scope, key.rate) == (0, "dashboard", "write", 50.0)
    assert secret not in made.err
    listed = sh("keys", "ls")
    assert listed.out.splitlines()[1].split()[:4] == [key.id, "dashboard", "write", "50"]
    assert secret[17:] not in listed.out
    assert sh("keys", "revoke", "dashboard").code == 0
    (one,) = json.loads(sh("keys", "ls", "--json").out)
    assert one["revoked"] is not None
    assert stored_keys().in_force() == []


def test_a_name_in_force_is_refused(sh: Shell) -> None:
    sh("keys", "create", "ci")
    again = sh("keys", "create", "ci", "--json")
    assert (again.code, again.out) == (2, "")
    assert again.err == (
        "error: A key `ci` is in force\nhint: take another name, or: raymill keys revoke ci\n"
    )
    assert sh("keys", "revoke", "nobody").code == 2


def test_a_new_key_can_be_read_by_programs(sh: Shell) -> None:
    made = json.loads(sh("keys", "create", "ci", "--json").out)
    assert (made["name"], made["scope"], made["rate"]) == ("ci", "read", None)
    assert Ring(stored_keys().in_force()).find(made["secret"]) is not None


def test_the_api_does_not_open_to_other_machines_without_a_key(sh: Shell) -> None:
    refused = sh("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 2
    assert refused.err == (
        "error: `0.0.0.0` needs keys, and there is none\n"
        "hint: raymill keys create NAME --scope admin\n"
    )
