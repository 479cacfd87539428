"""Stop, re-arm, pause, stealth, limits, sync and drill on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import control_pb2, control_service_pb2_grpc
from signalos.v1 import control_service_pb2 as pb
from signalos_server.domain.stop_scope import StopWish
from signalos_server.domain.words import LapsePolicy, StopScope
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import duration, enum_of, number, optional_decimal, timestamp, wait_of
from signalos_server.rpc.convert_control import (
    drill_to_proto,
    standing_to_proto,
    stealth_settings_of,
    stealth_settings_to_proto,
    stop_settings_to_proto,
    stop_to_proto,
    sync_to_proto,
    triggers_of,
)
from signalos_server.rpc.convert_limits import limits_of, limits_to_proto, profile_to_proto, use_to_proto
from signalos_server.rpc.requests import microseconds_of, next_token, time_page_of
from signalos_server.service.control import ControlUseCases
from signalos_server.service.emergency import EmergencyStops
from signalos_server.service.limits import Day, LimitsAnswer, LimitUseCases

Context = ServicerContext[Any, Any]

_WAIT_SECONDS = 3.0
_SYNC_WAIT_SECONDS = 5.0
_LONGEST_REASON = 500


class ControlServicer(control_service_pb2_grpc.ControlServiceServicer):
    """Translates `ControlService`."""

    def __init__(self, control: ControlUseCases, stops: EmergencyStops, limits: LimitUseCases) -> None:
        self._control = control
        self._stops = stops
        self._limits = limits

    async def EmergencyStop(
        self, request: pb.EmergencyStopRequest, context: Context
    ) -> pb.EmergencyStopResponse:
        """Stop, now."""
        wish = StopWish(
            close_positions=request.close_positions,
            scope=enum_of(StopScope, request.scope, StopScope.UNSPECIFIED),
            account_ids=tuple(request.account_ids),
            # PostgreSQL stores no zeros, and a stop has to be on record.
            reason=request.reason.replace("\0", "")[:_LONGEST_REASON],
        )
        answer = await self._stops.call(caller(), wish, wait_of(request, _WAIT_SECONDS))
        return pb.EmergencyStopResponse(
            stop_id=answer.stop.stop_id,
            complete=answer.recorded and answer.stop.complete,
            recorded=answer.recorded,
            report=stop_to_proto(answer.stop),
            unreached_account_ids=answer.unreached,
            ignored_account_ids=answer.ignored,
        )

    async def GetStop(self, request: pb.GetStopRequest, context: Context) -> pb.GetStopResponse:
        """Read how far a stop has come."""
        stop = await self._stops.get(caller(), request.stop_id)
        return pb.GetStopResponse(report=stop_to_proto(stop))

    async def ListStops(self, request: pb.ListStopsRequest, context: Context) -> pb.ListStopsResponse:
        """List stops, newest first."""
        page = time_page_of("stops", request, 20, 100)
        found = await self._stops.page(caller(), page, active_only=request.active_only)
        response = pb.ListStopsResponse(stops=[stop_to_proto(stop) for stop in found])
        if found:
            last = found[-1]
            response.next_page_token = next_token(
                "stops", page, len(found), microseconds_of(last.create_time), last.stop_id
            )
        return response

    async def GetTradingState(
        self, request: pb.GetTradingStateRequest, context: Context
    ) -> pb.GetTradingStateResponse:
        """Read whether accounts may trade."""
        standings, generation = await self._control.states(caller(), request.account_id)
        return pb.GetTradingStateResponse(
            states=[standing_to_proto(standing) for standing in standings], generation=generation
        )

    async def Rearm(self, request: pb.RearmRequest, context: Context) -> pb.RearmResponse:
        """Lead out of stops."""
        standings = await self._control.rearm(
            caller(),
            tuple(request.stop_ids),
            request.generation,
            request.reason,
            request.password,
            wait_of(request, _WAIT_SECONDS),
        )
        return pb.RearmResponse(states=[standing_to_proto(standing) for standing in standings])

    async def PauseTrading(
        self, request: pb.PauseTradingRequest, context: Context
    ) -> pb.PauseTradingResponse:
        """Hold back automated opens."""
        wait = wait_of(request, _WAIT_SECONDS)
        standings = await self._control.pause(caller(), request.account_id, True, wait)
        return pb.PauseTradingResponse(states=[standing_to_proto(standing) for standing in standings])

    async def ResumeTrading(
        self, request: pb.ResumeTradingRequest, context: Context
    ) -> pb.ResumeTradingResponse:
        """Undo a pause."""
        wait = wait_of(request, _WAIT_SECONDS)
        standings = await self._control.pause(caller(), request.account_id, False, wait)
        return pb.ResumeTradingResponse(states=[standing_to_proto(standing) for standing in standings])

    async def SetStealth(self, request: pb.SetStealthRequest, context: Context) -> pb.SetStealthResponse:
        """Hide levels, or show them."""
        stealth = request.stealth_mode if request.HasField("stealth_mode") else None
        wait = wait_of(request, _WAIT_SECONDS)
        standings = await self._control.stealth(caller(), request.account_id, stealth, wait)
        return pb.SetStealthResponse(states=[standing_to_proto(standing) for standing in standings])

    async def ForceSync(self, request: pb.ForceSyncRequest, context: Context) -> pb.ForceSyncResponse:
        """Compare the record with the terminals."""
        reports, unanswered = await self._control.sync(
            caller(),
            request.account_id,
            dry_run=request.dry_run,
            wait_seconds=wait_of(request, _SYNC_WAIT_SECONDS),
        )
        return pb.ForceSyncResponse(reports=_reports(reports), unanswered_account_ids=unanswered)

    async def ListSyncReports(
        self, request: pb.ListSyncReportsRequest, context: Context
    ) -> pb.ListSyncReportsResponse:
        """List sync reports, newest first."""
        page = time_page_of("syncs", request, 20, 100)
        found = await self._control.sync_reports(caller(), request.account_id, page)
        response = pb.ListSyncReportsResponse(reports=_reports(found))
        if found and (last := found[-1][1]).end_time is not None:
            response.next_page_token = next_token(
                "syncs", page, len(found), microseconds_of(last.end_time), last.sync_id
            )
        return response

    async def GetLimits(self, request: pb.GetLimitsRequest, context: Context) -> pb.GetLimitsResponse:
        """Read limits and how far they are used."""
        answer = await self._limits.get(caller(), request.account_id)
        age = answer.age_seconds
        return pb.GetLimitsResponse(
            account_id=answer.account_id,
            limits=limits_to_proto(answer.limits),
            uses=_uses(answer),
            applied=answer.applied,
            day=None if answer.day is None else _day(answer.day),
            account_age=None if age is None else duration(age),
        )

    async def UpdateLimits(
        self, request: pb.UpdateLimitsRequest, context: Context
    ) -> pb.UpdateLimitsResponse:
        """Replace limits."""
        answer = await self._limits.put(
            caller(),
            request.account_id,
            limits_of(request.limits),
            wait_of(request, _WAIT_SECONDS),
            day_balance=optional_decimal(request, "day_balance"),
        )
        return pb.UpdateLimitsResponse(
            account_id=answer.account_id,
            limits=limits_to_proto(answer.limits),
            revision=answer.revision,
            applied=answer.applied,
        )

    async def ResumeLimits(
        self, request: pb.ResumeLimitsRequest, context: Context
    ) -> pb.ResumeLimitsResponse:
        """End what limits have latched."""
        answer, resumed = await self._limits.resume(
            caller(), request.account_id, request.codes, request.reason
        )
        return pb.ResumeLimitsResponse(
            account_id=answer.account_id, resumed_codes=resumed, uses=_uses(answer)
        )

    async def ListLimitProfiles(
        self, request: pb.ListLimitProfilesRequest, context: Context
    ) -> pb.ListLimitProfilesResponse:
        """List sets of limits that may be applied."""
        return pb.ListLimitProfilesResponse(
            profiles=[profile_to_proto(profile) for profile in self._limits.profiles()]
        )

    async def ApplyLimitProfile(
        self, request: pb.ApplyLimitProfileRequest, context: Context
    ) -> pb.ApplyLimitProfileResponse:
        """Replace limits by a profile's."""
        share = optional_decimal(request, "share_percent")
        answer = await self._limits.apply_profile(
            caller(),
            request.account_id,
            request.profile_id,
            request.phase,
            None if share is None else share / 100,
            optional_decimal(request, "start_balance"),
            wait_of(request, _WAIT_SECONDS),
            dry_run=request.dry_run,
        )
        return pb.ApplyLimitProfileResponse(
            account_id=answer.account_id,
            limits=limits_to_proto(answer.limits),
            revision=answer.revision,
            applied=answer.applied,
        )

    async def GetStopSettings(
        self, request: pb.GetStopSettingsRequest, context: Context
    ) -> pb.GetStopSettingsResponse:
        """Read what stops an account by itself."""
        document, applied = await self._control.stop_settings(caller(), request.account_id)
        return pb.GetStopSettingsResponse(settings=stop_settings_to_proto(document), applied=applied)

    async def UpdateStopSettings(
        self, request: pb.UpdateStopSettingsRequest, context: Context
    ) -> pb.UpdateStopSettingsResponse:
        """Change what is named of it."""
        document, applied = await self._control.set_stop_settings(
            caller(),
            request.account_id,
            LapsePolicy(request.lapse_policy) if request.lapse_policy else None,
            triggers_of(request.triggers),
            wait_of(request, _WAIT_SECONDS),
        )
        return pb.UpdateStopSettingsResponse(settings=stop_settings_to_proto(document), applied=applied)

    async def GetStealthSettings(
        self, request: pb.GetStealthSettingsRequest, context: Context
    ) -> pb.GetStealthSettingsResponse:
        """Read how levels are hidden."""
        settings, applied = await self._control.stealth_settings(caller(), request.account_id)
        return pb.GetStealthSettingsResponse(settings=stealth_settings_to_proto(settings), applied=applied)

    async def UpdateStealthSettings(
        self, request: pb.UpdateStealthSettingsRequest, context: Context
    ) -> pb.UpdateStealthSettingsResponse:
        """Replace how levels are hidden."""
        settings, applied = await self._control.set_stealth_settings(
            caller(),
            request.account_id,
            stealth_settings_of(request.settings),
            wait_of(request, _WAIT_SECONDS),
        )
        return pb.UpdateStealthSettingsResponse(settings=stealth_settings_to_proto(settings), applied=applied)

    async def RunDrill(self, request: pb.RunDrillRequest, context: Context) -> pb.RunDrillResponse:
        """Rehearse a stop."""
        results = await self._control.drill(caller(), request.account_id, wait_of(request, _WAIT_SECONDS))
        return pb.RunDrillResponse(
            results=[
                pb.DrillResult(
                    account_id=result.account_id,
                    reached=result.reached,
                    latched_milliseconds=result.latched_milliseconds,
                    terminal_busy=result.terminal_busy,
                )
                for result in results
            ]
        )

    async def ListDrills(self, request: pb.ListDrillsRequest, context: Context) -> pb.ListDrillsResponse:
        """List what drills measured, newest first."""
        page = time_page_of("drills", request, 20, 100)
        found = await self._control.drills(caller(), request.account_id, page)
        response = pb.ListDrillsResponse(drills=[drill_to_proto(drill) for drill in found])
        if found:
            last = found[-1]
            response.next_page_token = next_token(
                "drills",
                page,
                len(found),
                microseconds_of(last.create_time),
                f"{last.drill_id}:{last.account_id}",
            )
        return response


def _uses(answer: LimitsAnswer) -> list[control_pb2.LimitUse]:
    return [use_to_proto(use) for use in answer.uses]


def _day(day: Day) -> control_pb2.LimitDay:
    return control_pb2.LimitDay(
        start_time=timestamp(day.start),
        end_time=timestamp(day.end),
        balance=number(day.balance),
        equity=number(day.equity),
        transfers=number(day.transfers),
        source=day.source,
        trade_count=day.trades,
    )


def _reports(found: Any) -> list[control_pb2.SyncReport]:
    return [sync_to_proto(account_id, report) for account_id, report in found]
