"""Pairing codes, as the server writes and the bridge reads them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain import pairing_code
from signalos_server.domain.errors import BadPairingCode
from signalos_server.domain.pairing import SECRET_BYTES, format_code, secret_of

SECRETS = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)


@given(SECRETS, st.sampled_from([b"", b"f" * 32]))
def test_both_sides_read_what_was_written(secret: bytes, fingerprint: bytes) -> None:
    code = format_code("trade.example.com:50051", fingerprint, secret)

    read = pairing_code.parse(code)

    assert secret_of(f"  {code.lower()} ") == secret
    assert (read.address, read.fingerprint) == ("trade.example.com:50051", fingerprint or None)


@given(st.text(max_size=200) | st.text(max_size=200).map(lambda text: "SOS1-" + text))
def test_anything_typed_is_read_or_refused(text: str) -> None:
    with suppress(BadPairingCode):
        assert len(secret_of(text)) == SECRET_BYTES


def test_a_code_of_another_length_is_refused() -> None:
    with pytest.raises(BadPairingCode):
        secret_of(format_code("localhost:1", b"", b"short"))
