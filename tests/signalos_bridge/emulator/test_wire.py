"""Frames on the socket."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.emulator.wire import FrameReader, FrameTooLarge, encode
from tests.signalos_bridge.emulator.processes import BrokerProcess

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=6), st.lists(st.integers(1, 50), min_size=1))
def test_however_a_stream_is_cut_the_same_values_come_out(values: list[Any], cuts: list[int]) -> None:
    stream = b"".join(encode(value) for value in values)
    reader = FrameReader()
    out: list[Any] = []
    number = 0
    while stream:
        size = cuts[number % len(cuts)]
        number += 1
        out += reader.feed(stream[:size])
        stream = stream[size:]

    assert out == values


def test_a_frame_that_nobody_sends_is_refused() -> None:
    with pytest.raises(FrameTooLarge):
        FrameReader().feed(b"\xff\xff\xff\xff")


@pytest.mark.integration
@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n" + bytes(64),
        b"\x01\x00\x00\x00\xc1",
        encode(5),
        encode([]),
        encode(["hello"]),
        encode(["hello", "5001", "x", 1, "y", 2, 3]),
        encode(["operator"]),
    ],
)
def test_a_stranger_does_not_disturb_the_broker(broker: BrokerProcess, garbage: bytes) -> None:
    address = broker.address
    with socket.create_connection((address.host, address.port), 5) as stranger:
        stranger.sendall(garbage)
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(5)
        while stranger.recv(4096):
            pass
    with broker.admin() as admin:
        assert admin.positions(5001) == []


@pytest.mark.integration
def test_an_operator_needs_the_token(broker: BrokerProcess) -> None:
    address = broker.address
    with socket.create_connection((address.host, address.port), 5) as stranger:
        stranger.sendall(encode(["operator", "wrong"]))
        assert FrameReader().feed(stranger.recv(4096)) == [[1, -6, "Terminal: Authorization failed"]]
        stranger.sendall(encode(["positions", 5001]))
        assert FrameReader().feed(stranger.recv(4096))[0][:2] == [1, -10004]
