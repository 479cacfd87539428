"""The webhook's call by its names.

Apart from its door, because a build describes the contract without the gateway's own packages.
"""

from __future__ import annotations

from typing import Final

RPC: Final = "signalos.v1.SignalService.SubmitWebhook"
PATH: Final = "/signalos.v1.SignalService/SubmitWebhook"
