"""What each method needs of its caller. A method that is not here is not served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from signalos_server.domain.caller import Scope


class Door(Enum):
    """Who gets in."""

    # Anybody; a token is looked at where it is given.
    PUBLIC = "public"
    # A caller with the method's scope.
    CALLER = "caller"
    # Bridges, which the servicer authenticates by their credential.
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Access:
    """How one method is entered."""

    door: Door
    scope: Scope = Scope.VIEW
    # Counts against its user's rate of changes.
    limited: bool = False
    # Taken from a caller that was verified a while ago, where the database cannot say more.
    survives_storage: bool = False

    @property
    def changes(self) -> bool:
        """Return whether it can change anything."""
        return self.limited or self.scope is not Scope.VIEW


_PUBLIC = Access(Door.PUBLIC)
_BRIDGE = Access(Door.BRIDGE)
_VIEW = Access(Door.CALLER)
_CHANGE = Access(Door.CALLER, limited=True)
_TRADE = Access(Door.CALLER, Scope.TRADE, limited=True)
_REARM = Access(Door.CALLER, Scope.REARM, limited=True)
_ADMIN = Access(Door.CALLER, Scope.ADMIN)
_ADMIN_CHANGE = Access(Door.CALLER, Scope.ADMIN, limited=True)

_SERVICES: dict[str, dict[str, Access]] = {
    "AuthService": {
        "Register": _PUBLIC,
        "SetUp": _PUBLIC,
        "Login": _PUBLIC,
        "Logout": _VIEW,
        "ChangePassword": _CHANGE,
        "GetUser": _VIEW,
        "ListUsers": _ADMIN,
        "CreateUser": _ADMIN_CHANGE,
        "UpdateUser": _ADMIN_CHANGE,
        "ListSessions": _VIEW,
        "RevokeSession": _CHANGE,
        "ListApiTokens": _VIEW,
        "CreateApiToken": _CHANGE,
        "RevokeApiToken": _CHANGE,
        "GetSettings": _VIEW,
        "UpdateSettings": _CHANGE,
    },
    "AccountService": {
        "ListAccounts": _VIEW,
        "GetAccount": _VIEW,
        "ListEquity": _VIEW,
        "CreateAccount": _REARM,
        "UpdateAccount": _REARM,
        "ListSymbols": _VIEW,
        "GetTerminalStatus": _VIEW,
        "CreatePairingCode": _REARM,
        "ListBridges": _VIEW,
        "RevokeBridge": _REARM,
    },
    "AlertService": {"ListAlerts": _VIEW, "GetAlert": _VIEW, "AcknowledgeAlert": _TRADE},
    "BridgeService": {"Pair": _BRIDGE, "Connect": _BRIDGE, "Control": _BRIDGE},
    "CommandService": {
        "GetCommand": _VIEW,
        "ListCommands": _VIEW,
        "CancelCommand": _TRADE,
        "WaitCommand": _VIEW,
        "ResolveCommand": _TRADE,
    },
    "ControlService": {
        # Never refused for a rate; and it has to work while the database is down.
        "EmergencyStop": Access(Door.CALLER, Scope.TRADE, survives_storage=True),
        "GetStop": Access(Door.CALLER, survives_storage=True),
        "ListStops": _VIEW,
        "GetTradingState": _VIEW,
        "Rearm": _REARM,
        "PauseTrading": _TRADE,
        "ResumeTrading": _TRADE,
        "SetStealth": _TRADE,
        "GetStealthSettings": _VIEW,
        "UpdateStealthSettings": _REARM,
        "ForceSync": _TRADE,
        "ListSyncReports": _VIEW,
        "GetLimits": _VIEW,
        "UpdateLimits": _REARM,
        "ResumeLimits": _REARM,
        "ListLimitProfiles": _VIEW,
        "ApplyLimitProfile": _REARM,
        "GetStopSettings": _VIEW,
        "UpdateStopSettings": _REARM,
        "RunDrill": _TRADE,
        "ListDrills": _VIEW,
    },
    "EventService": {"Subscribe": _VIEW, "GetSnapshot": _VIEW, "ListEvents": _VIEW},
    "OrderService": {"ListOrders": _VIEW, "GetOrder": _VIEW, "ModifyOrder": _TRADE, "CancelOrder": _TRADE},
    "SignalService": {
        "ParseSignal": _VIEW,
        "SubmitSignal": _TRADE,
        "ListSignals": _VIEW,
        "ListSignalFormats": _VIEW,
        "GetSignal": _VIEW,
        "SimulateSignal": _VIEW,
        "ReplaySignal": _TRADE,
        "ApproveSignal": _TRADE,
        "RejectSignal": _TRADE,
        # Its key is the token of a source, in the request.
        "SubmitWebhook": _PUBLIC,
        "ListSources": _VIEW,
        "GetSource": _VIEW,
        "CreateSource": _REARM,
        "UpdateSource": _REARM,
        "DeleteSource": _REARM,
        "RotateSourceToken": _REARM,
    },
    "SystemService": {"GetHealth": _PUBLIC, "GetInfo": _PUBLIC, "ListAuditEntries": _VIEW},
    "TradeService": {
        "OpenTrade": _TRADE,
        "CloseTrade": _TRADE,
        "PartialCloseTrade": _TRADE,
        "ModifyTrade": _TRADE,
        "SetTrailingStop": _TRADE,
        "SetProtection": _TRADE,
        "SetTradeStealth": _TRADE,
        "BreakEvenTrade": _TRADE,
        "CloseAllTrades": _TRADE,
        "AdoptTrade": _TRADE,
        "ListTrades": _VIEW,
        "ListLiveTrades": _VIEW,
        "GetTrade": _VIEW,
        "ListDeals": _VIEW,
    },
}

METHODS: dict[str, Access] = {
    f"/signalos.v1.{service}/{method}": access
    for service, methods in _SERVICES.items()
    for method, access in methods.items()
} | {
    # Load balancers ask these without a token; they say no more than `serving`.
    "/grpc.health.v1.Health/Check": _PUBLIC,
    "/grpc.health.v1.Health/Watch": _PUBLIC,
    "/grpc.health.v1.Health/List": _PUBLIC,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _VIEW,
}
