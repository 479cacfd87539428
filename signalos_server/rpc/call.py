"""The call that is being served: who makes it, from where, under which correlation id.

The interceptor sets it before a servicer runs; a servicer asks `caller()`.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import NotAuthenticated


@dataclass(frozen=True, slots=True)
class Call:
    """One call at the edge."""

    # `/signalos.v1.Service/Method`.
    method: str
    correlation_id: str
    # Where the caller is, as this server or a gateway with the right key saw it; without the port.
    address: str
    user_agent: str
    # Came through a gateway that knows the key.
    via_gateway: bool
    # The bearer token as shown; a secret.
    bearer: str
    caller: Caller | None
    # False: a gateway only looks whether the credential still holds, which keeps no idle session alive.
    is_use: bool = True


_call: ContextVar[Call] = ContextVar("call")


def set_call(call: Call) -> None:
    """Make `call` the one that is being served in this task."""
    _call.set(call)


def current_call() -> Call:
    """Return the call that is being served."""
    return _call.get()


def caller() -> Caller:
    """Return who calls. Raises `NotAuthenticated` for a public call without a token."""
    found = _call.get().caller
    if found is None:
        raise NotAuthenticated("sign in first")
    return found
