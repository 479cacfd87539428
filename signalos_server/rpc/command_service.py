"""Commands on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import command_service_pb2 as pb
from signalos.v1 import command_service_pb2_grpc
from signalos_server.domain.words import CommandState
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import wait_of
from signalos_server.rpc.convert_commands import command_to_proto
from signalos_server.rpc.requests import microseconds_of, next_token, time_page_of
from signalos_server.service.commands import DEFAULT_WAIT_SECONDS, CommandUseCases

Context = ServicerContext[Any, Any]


class CommandServicer(command_service_pb2_grpc.CommandServiceServicer):
    """Translates `CommandService`."""

    def __init__(self, commands: CommandUseCases) -> None:
        self._commands = commands

    async def GetCommand(self, request: pb.GetCommandRequest, context: Context) -> pb.GetCommandResponse:
        """Read a command."""
        command = await self._commands.get(caller(), request.command_id)
        return pb.GetCommandResponse(command=command_to_proto(command))

    async def ListCommands(
        self, request: pb.ListCommandsRequest, context: Context
    ) -> pb.ListCommandsResponse:
        """List commands, newest first."""
        page = time_page_of("commands", request, 50, 500)
        state = CommandState(request.state) if request.state else None
        found = await self._commands.page(caller(), request.account_id, page, state, request.trade_id)
        response = pb.ListCommandsResponse(commands=[command_to_proto(command) for command in found])
        if found:
            last = found[-1]
            response.next_page_token = next_token(
                "commands", page, len(found), microseconds_of(last.create_time), last.command_id
            )
        return response

    async def CancelCommand(
        self, request: pb.CancelCommandRequest, context: Context
    ) -> pb.CancelCommandResponse:
        """Take a command back."""
        wait = wait_of(request, DEFAULT_WAIT_SECONDS)
        command = await self._commands.cancel(caller(), request.command_id, wait)
        return pb.CancelCommandResponse(command=command_to_proto(command))

    async def WaitCommand(self, request: pb.WaitCommandRequest, context: Context) -> pb.WaitCommandResponse:
        """Wait for a command to end."""
        command = await self._commands.get(caller(), request.command_id)
        command = await self._commands.wait(command, wait_of(request, DEFAULT_WAIT_SECONDS))
        return pb.WaitCommandResponse(command=command_to_proto(command))

    async def ResolveCommand(
        self, request: pb.ResolveCommandRequest, context: Context
    ) -> pb.ResolveCommandResponse:
        """Say what became of an UNKNOWN command."""
        ticket = request.executed_ticket if request.WhichOneof("finding") == "executed_ticket" else None
        command = await self._commands.resolve(caller(), request.command_id, ticket, request.reason)
        return pb.ResolveCommandResponse(command=command_to_proto(command))
