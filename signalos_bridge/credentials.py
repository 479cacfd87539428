"""What a paired bridge keeps: its credential, its server, and the one account that it may trade.

The file is the owner's alone: mode 0600, and on Windows an access list of its own around a body that is
sealed for the user's account.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from signalos_bridge import files
from signalos_bridge.domain.market import BoundAccount, TradeMode

CREDENTIAL_FILE = "credential.json"


class NotPaired(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """There is no credential here: pair the bridge first."""


class CredentialUnreadable(Exception):  # noqa: N818
    """The credential's file is damaged or belongs to another user of this machine: pair anew."""


@dataclass(frozen=True, slots=True)
class Credential:
    """How this bridge proves who it is, and to whom. `fingerprint`: SHA-256 of the server's certificate."""

    bridge_id: str
    account_id: str
    secret: str = field(repr=False)
    server_address: str
    fingerprint: bytes | None
    bound: BoundAccount


def store(data_dir: Path, credential: Credential) -> None:
    """Write the credential so that only its owner can read it."""
    body = json.dumps(
        {
            "bridge_id": credential.bridge_id,
            "account_id": credential.account_id,
            "secret": credential.secret,
            "server_address": credential.server_address,
            "fingerprint": credential.fingerprint.hex() if credential.fingerprint else None,
            "login": credential.bound.login,
            "broker_server": credential.bound.server,
            "trade_mode": credential.bound.trade_mode.value,
        }
    ).encode()
    sealed = seal(body)
    wrapped = {"version": 1, "seal": SEAL, "body": base64.b64encode(sealed).decode()}
    files.write_whole(data_dir / CREDENTIAL_FILE, json.dumps(wrapped).encode(), secret=True)


def load(data_dir: Path) -> Credential:
    """Return the stored credential. Raises `NotPaired` or `CredentialUnreadable`."""
    try:
        data = (data_dir / CREDENTIAL_FILE).read_bytes()
    except FileNotFoundError:
        raise NotPaired("this bridge is not paired") from None
    except OSError as error:
        raise CredentialUnreadable(f"the credential cannot be read: {error.strerror}") from error
    try:
        wrapped = json.loads(data)
        if wrapped["version"] != 1 or wrapped["seal"] != SEAL:
            raise CredentialUnreadable("the credential was sealed by another system or version")
        body = json.loads(unseal(base64.b64decode(wrapped["body"], validate=True)))
        fingerprint = body["fingerprint"]
        return Credential(
            bridge_id=str(body["bridge_id"]),
            account_id=str(body["account_id"]),
            secret=str(body["secret"]),
            server_address=str(body["server_address"]),
            fingerprint=bytes.fromhex(fingerprint) if fingerprint else None,
            bound=BoundAccount(
                int(body["login"]), str(body["broker_server"]), TradeMode(int(body["trade_mode"]))
            ),
        )
    except (ValueError, KeyError, TypeError, OSError, binascii.Error) as error:
        raise CredentialUnreadable("the credential's file is damaged") from error


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    SEAL = "dpapi"

    class _Blob(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_char)))

    def _blob(data: bytes) -> _Blob:
        buffer = ctypes.create_string_buffer(data, len(data))
        return _Blob(len(data), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char)))

    def _taken(blob: _Blob) -> bytes:
        try:
            return ctypes.string_at(blob.data, blob.size)
        finally:
            ctypes.windll.kernel32.LocalFree(blob.data)

    def seal(data: bytes) -> bytes:
        """Return the data so that only this user on this machine can read it."""
        result = _Blob()
        # 1: no window is ever shown.
        if not ctypes.windll.crypt32.CryptProtectData(
            ctypes.byref(_blob(data)), "SignalOS", None, None, None, 1, ctypes.byref(result)
        ):
            raise ctypes.WinError()
        return _taken(result)

    def unseal(data: bytes) -> bytes:
        """Undo `seal`. Raises `OSError` for another user or machine."""
        result = _Blob()
        if not ctypes.windll.crypt32.CryptUnprotectData(
            ctypes.byref(_blob(data)), None, None, None, None, 1, ctypes.byref(result)
        ):
            raise ctypes.WinError()
        return _taken(result)

else:
    SEAL = "none"

    def seal(data: bytes) -> bytes:
        """Return the data as it is: the file's mode protects it here."""
        return data

    def unseal(data: bytes) -> bytes:
        """Undo `seal`."""
        return data
