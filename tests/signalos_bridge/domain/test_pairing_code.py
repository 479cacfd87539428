"""Codes as people type them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.pairing_code import BadPairingCode, parse, parse_address


def code(address: bytes, fingerprint: bytes = b"", secret: bytes = b"0123456789") -> str:
    body = bytes([len(address)]) + address + bytes([len(fingerprint)]) + fingerprint + secret
    return "SOS1-" + base64.b32encode(body).decode().rstrip("=")


def test_a_code_names_the_server_and_its_key() -> None:
    found = parse(code(b"trade.example.org:50051", b"\x07" * 32))

    assert found.address == "trade.example.org:50051"
    assert found.fingerprint == b"\x07" * 32


def test_a_code_may_be_typed_in_groups_and_in_small_letters() -> None:
    plain = code(b"127.0.0.1:50051")
    grouped = "sos1-" + "-".join(plain[5:][at : at + 5].lower() for at in range(0, len(plain), 5)) + " \n"

    assert parse(grouped) == parse(plain)
    assert parse(plain).fingerprint is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "SOS1-",
        "SOS1-1!",
        code(b""),
        code(b"no port"),
        code(b"host:0"),
        code(b"host:65536"),
        code(b"\xff\xfe:1"),
        code(b"host:1", b"\x01" * 31),
        code(b"host:1", secret=b"short"),
        "SOS1-" + "A" * 3000,
    ],
)
def test_what_is_no_code_is_refused_with_words(text: str) -> None:
    with pytest.raises(BadPairingCode) as caught:
        parse(text)

    assert str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    for candidate in (text, "SOS1-" + text):
        try:
            parse(candidate)
        except BadPairingCode:
            continue


def test_addresses_of_both_families_are_read() -> None:
    assert parse_address("[::1]:50051") == ("::1", 50051)
    assert parse_address("localhost:1") == ("localhost", 1)
