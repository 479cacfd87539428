from __future__ import annotations

from dataclasses import replace

import pytest

from signalos_bridge.domain.filling import FillingMemory, candidates
from signalos_bridge.domain.market import ExecutionMode, Filling, FillingMask
from tests.signalos_bridge.domain.market_samples import EURUSD


@pytest.mark.parametrize("mask", [FillingMask(bits) for bits in range(8)])
@pytest.mark.parametrize("execution", list(ExecutionMode))
@pytest.mark.parametrize("pending", [False, True])
def test_there_is_always_a_mode_to_try_and_none_twice(
    mask: FillingMask, execution: ExecutionMode, pending: bool
) -> None:
    found = candidates(mask, execution, pending=pending)

    assert found
    assert len(set(found)) == len(found)
    assert Filling.BOC not in found


def test_market_execution_is_never_asked_for_return() -> None:
    for bits in range(8):
        found = candidates(FillingMask(bits), ExecutionMode.MARKET, pending=False)
        assert Filling.RETURN not in found


@pytest.mark.parametrize(
    ("mask", "first"),
    [
        (FillingMask.FOK, Filling.FOK),
        (FillingMask.IOC, Filling.IOC),
        (FillingMask.FOK | FillingMask.IOC, Filling.FOK),
    ],
)
def test_bits_of_the_mask_are_not_taken_for_values_of_the_request(mask: FillingMask, first: Filling) -> None:
    assert candidates(mask, ExecutionMode.MARKET, pending=False)[0] is first


def test_after_a_refusal_the_rest_is_walked_once() -> None:
    memory = FillingMemory()

    assert memory.choose(EURUSD, pending=False) is Filling.FOK
    assert memory.refuse(EURUSD, Filling.FOK, pending=False)
    assert memory.choose(EURUSD, pending=False) is Filling.IOC
    assert not memory.refuse(EURUSD, Filling.IOC, pending=False)


def test_what_the_broker_took_is_remembered_for_the_symbol() -> None:
    memory = FillingMemory()
    memory.refuse(EURUSD, Filling.FOK, pending=False)
    memory.accept(EURUSD, Filling.IOC, pending=False)

    assert memory.choose(EURUSD, pending=False) is Filling.IOC
    assert memory.choose(replace(EURUSD, name="GBPUSD"), pending=False) is Filling.FOK
    assert memory.choose(EURUSD, pending=True) is Filling.RETURN


def test_a_mode_that_stops_working_is_given_up() -> None:
    memory = FillingMemory()
    memory.accept(EURUSD, Filling.FOK, pending=False)

    assert memory.refuse(EURUSD, Filling.FOK, pending=False)
    assert memory.choose(EURUSD, pending=False) is Filling.IOC
