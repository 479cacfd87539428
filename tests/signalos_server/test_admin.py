"""What the operator does at the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from signalos_server import admin
from signalos_server.domain.caller import Role
from signalos_server.domain.errors import AlreadyExists, InvalidField, NotFound

PASSWORD = "correct horse battery"


def test_a_user_is_made_once_and_ensured_any_number_of_times(tmp_path: Path) -> None:
    made = admin.add_user(tmp_path, None, "alice", PASSWORD, admin=True)

    with pytest.raises(AlreadyExists):
        admin.add_user(tmp_path, None, "Alice", PASSWORD)
    assert admin.ensure_user(tmp_path, None, "alice", PASSWORD) == made
    assert admin.ensure_user(tmp_path, None, "alice", PASSWORD + "!") == made
    assert [(user.user_name, user.role) for user in admin.users(tmp_path, None)] == [("alice", Role.ADMIN)]
    assert admin.has_users(tmp_path, None)


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidField):
        admin.add_user(tmp_path, None, "alice", "short")
    assert not admin.has_users(tmp_path, None)


def test_a_code_names_its_server_and_needs_a_known_user(tmp_path: Path) -> None:
    admin.add_user(tmp_path, None, "alice", PASSWORD)

    code, _ = admin.create_pairing_code(tmp_path, None, "alice", server_address="127.0.0.1:50051")

    assert code.startswith("SOS1-")
    with pytest.raises(NotFound):
        admin.create_pairing_code(tmp_path, None, "bob", server_address="127.0.0.1:50051")
    with pytest.raises(NotFound):
        admin.create_pairing_code(
            tmp_path, None, "alice", server_address="127.0.0.1:1", account_id="acc_foreign"
        )


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entries SET detail = '{}' WHERE number = 2",
        "DELETE FROM audit_entries WHERE number = 2",
        "DELETE FROM audit_entries WHERE number = 3",
        "DELETE FROM audit_chains",
    ],
)
def test_the_audit_passes_its_check_and_fails_it_once_tampered_with(tmp_path: Path, tampering: str) -> None:
    for name in ("alice", "bob", "carol"):
        admin.add_user(tmp_path, None, name, PASSWORD)
    assert admin.verify_audit(tmp_path, None) == admin.AuditFindings(1, 3, ())

    engine = create_engine(f"sqlite:///{tmp_path / 'signalos.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text(tampering))
    engine.dispose()

    assert len(admin.verify_audit(tmp_path, None).problems) == 1


def test_an_end_that_is_cut_together_with_its_head_shows_by_a_head_that_a_bridge_keeps(
    tmp_path: Path,
) -> None:
    for name in ("alice", "bob", "carol"):
        admin.add_user(tmp_path, None, name, PASSWORD)
    engine = create_engine(f"sqlite:///{tmp_path / 'signalos.sqlite3'}")
    with engine.begin() as connection:
        hashes = list(connection.scalars(text("SELECT hash FROM audit_entries ORDER BY number")))
        kept = [("system", 2, hashes[1]), ("system", 3, hashes[2])]
        assert admin.verify_audit(tmp_path, None, kept) == admin.AuditFindings(1, 3, (), 2)

        connection.execute(text("DELETE FROM audit_entries WHERE number = 3"))
        connection.execute(text("UPDATE audit_chains SET number = 2, hash = :hash"), {"hash": hashes[1]})
    engine.dispose()

    # By itself it looks whole.
    assert admin.verify_audit(tmp_path, None).problems == ()
    (problem,) = admin.verify_audit(tmp_path, None, kept).problems
    assert "entry 3 was there once and is missing" in problem
    (problem,) = admin.verify_audit(tmp_path, None, [("system", 2, "f" * 64)]).problems
    assert "was written anew" in problem
