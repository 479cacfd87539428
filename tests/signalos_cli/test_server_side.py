"""Users, codes and the audit, at the server's machine, on a database of their own."""

import base64
import json
from pathlib import Path

import pytest

from signalos_cli import server_side
from signalos_cli.datadir import DataDir, make_private
from signalos_cli.errors import UserError

PASSWORD = "correct horse battery"


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path)


def test_a_new_installation_has_no_user_until_one_is_made(data: DataDir) -> None:
    assert not server_side.has_users(data, None)

    server_side.add_user(data, None, "alice", PASSWORD, admin=True)

    assert server_side.has_users(data, None)
    assert [(each.name, each.role) for each in server_side.users(data, None)] == [("alice", "administrator")]


def test_a_name_is_given_once_whatever_its_case(data: DataDir) -> None:
    server_side.add_user(data, None, "alice", PASSWORD, admin=False)

    with pytest.raises(UserError, match="exists already"):
        server_side.add_user(data, None, "Alice", PASSWORD, admin=False)


@pytest.mark.parametrize("name", ["ab", "a b c", "x" * 65, "<b>"])
def test_a_name_that_the_contract_refuses_is_refused_here_too(data: DataDir, name: str) -> None:
    with pytest.raises(UserError, match="no user name"):
        server_side.add_user(data, None, name, PASSWORD, admin=False)


def test_a_disabled_user_is_shown_as_such(data: DataDir) -> None:
    server_side.add_user(data, None, "bob", PASSWORD, admin=False)

    server_side.disable_user(data, None, "bob")

    assert [each.disabled for each in server_side.users(data, None)] == [True]


def test_an_unknown_user_is_said(data: DataDir) -> None:
    with pytest.raises(UserError):
        server_side.set_password(data, None, "nobody", PASSWORD)


def test_a_pairing_code_carries_the_address_that_bridges_call(data: DataDir) -> None:
    server_side.add_user(data, None, "alice", PASSWORD, admin=False)

    code = server_side.pairing_code(data, None, "alice", server_address="trade.example.com:50051")

    body = code.removeprefix("SOS1-").replace("-", "")
    assert b"trade.example.com:50051" in base64.b32decode(body + "=" * (-len(body) % 8))


def test_the_whole_audit_is_read_and_found_whole(data: DataDir) -> None:
    server_side.add_user(data, None, "alice", PASSWORD, admin=False)

    found = server_side.verify_audit(data, None)

    assert found.entries >= 1
    assert found.problems == ()


def test_a_url_of_no_database_of_ours_is_refused_without_repeating_it(data: DataDir) -> None:
    with pytest.raises(UserError) as told:
        server_side.upgrade(data, "mysql://user:secret@host/name")

    assert "secret" not in told.value.message


@pytest.mark.parametrize(
    ("address", "words"), [(None, "no server runs here"), ("0.0.0.0:50051", "every address")]
)
def test_a_code_is_not_made_for_an_address_that_no_bridge_can_call(
    data: DataDir, address: str | None, words: str
) -> None:
    make_private(data.server)
    if address is not None:
        (data.server / "server.json").write_text(json.dumps({"pid": 1, "address": address}))

    with pytest.raises(UserError, match=words):
        server_side.listening_address(data)


def test_heads_that_this_directorys_bridges_keep_are_compared_and_damage_is_said(
    data: DataDir, tmp_path: Path
) -> None:
    server_side.add_user(data, None, "alice", PASSWORD, admin=False)
    file = data.bridge("home") / "audit_heads.json"
    file.parent.mkdir()
    head = {"chain": "system", "number": 99, "hash": "a" * 64}
    file.write_text(json.dumps({"heads": [head], "contradicted": []}))

    (problem,) = server_side.verify_audit(data, None).problems
    assert "entry 99 was there once and is missing" in problem

    file.write_text("{")
    with pytest.raises(UserError, match="is not what a bridge keeps of the audit"):
        server_side.verify_audit(data, None)


def test_the_usual_waits_of_alerts_are_those_of_the_server() -> None:
    from signalos_server.domain.alerts import EscalationPolicy

    assert server_side.escalation("60,240,600,900", "1800,14400") == EscalationPolicy()


@pytest.mark.parametrize("waits", ["", "soon", "0", "60,,240", "60,-1", "1e9", "nan"])
def test_waits_that_make_no_sense_are_refused_with_the_option_and_an_example(waits: str) -> None:
    with pytest.raises(UserError, match=r"--critical-alert-waits.*like 60,240"):
        server_side.escalation(waits, "1800")
