"""What a paired bridge keeps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from signalos_bridge import credentials, files, logs
from signalos_bridge.credentials import Credential, CredentialUnreadable, NotPaired
from signalos_bridge.domain.market import BoundAccount, TradeMode

CREDENTIAL = Credential(
    "brg_1", "acc_1", "very-secret", "127.0.0.1:50051", b"\x01" * 32, BoundAccount(7, "X", TradeMode.REAL)
)


def test_a_credential_is_read_as_it_was_stored(tmp_path: Path) -> None:
    credentials.store(tmp_path, CREDENTIAL)

    assert credentials.load(tmp_path) == CREDENTIAL


@pytest.mark.skipif(sys.platform == "win32", reason="an access list does it there")
def test_a_credential_is_its_owners_alone(tmp_path: Path) -> None:
    credentials.store(tmp_path, CREDENTIAL)

    assert (tmp_path / credentials.CREDENTIAL_FILE).stat().st_mode & 0o777 == 0o600


def test_a_bridge_without_a_credential_is_not_paired(tmp_path: Path) -> None:
    with pytest.raises(NotPaired):
        credentials.load(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"version":1,"seal":"none","body":"!"}'])
def test_a_damaged_credential_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / credentials.CREDENTIAL_FILE).write_bytes(data)

    with pytest.raises(CredentialUnreadable):
        credentials.load(tmp_path)


def test_a_credential_that_was_sealed_elsewhere_is_said(tmp_path: Path) -> None:
    credentials.store(tmp_path, CREDENTIAL)
    path = tmp_path / credentials.CREDENTIAL_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "seal": "other"}))

    with pytest.raises(CredentialUnreadable):
        credentials.load(tmp_path)


def test_a_secret_is_not_in_what_is_printed_or_logged() -> None:
    assert "very-secret" not in repr(CREDENTIAL)
    event = logs.redact(None, "info", {"event": "x", "credential": "very-secret", "error_code": 5})
    assert event == {"event": "x", "credential": "[redacted]", "error_code": 5}


def test_the_access_list_on_windows_leaves_one_user_and_inherits_nothing() -> None:
    arguments = files.acl_arguments(Path("c.json"), "PC\\ann")

    assert arguments == ["icacls", "c.json", "/inheritance:r", "/grant:r", "PC\\ann:F"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.write_whole(path, b"old")
    files.write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
