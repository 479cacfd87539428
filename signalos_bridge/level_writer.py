"""Writing levels of a position to the broker, as a command of the bridge's own."""

from __future__ import annotations

import logging

from signalos_bridge.domain.command import CommandRecord, HiddenLevels
from signalos_bridge.domain.expansion import Expansion, Tagger, level_leg
from signalos_bridge.domain.market import Position
from signalos_bridge.domain.tags import bridge_command_id
from signalos_bridge.domain.values import Command, CommandOrigin, ModifyAction
from signalos_bridge.executor import Executor
from signalos_bridge.expander import Plan
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.store import Store

log = logging.getLogger(__name__)


async def write_levels(
    store: Store,
    executor: Executor,
    position: Position,
    levels: HiddenLevels,
    *,
    origin: CommandOrigin,
    step: str,
    cause: str,
    only_tighter: bool = False,
) -> CommandRecord | None:
    """Give a position these levels at the broker; they must not loosen its effective stop.

    `only_tighter`: nor the broker's, as it is just before the call, and the take profit stays.

    None: the journal took nothing. The record may be of a command whose outcome nobody knows yet.
    """
    command_id = bridge_command_id(store.account_id, position.identifier, "levels", step)
    leg = level_leg(
        position,
        levels.stop_loss,
        levels.take_profit,
        Tagger(store.prefix, command_id),
        effective_stop=None,
        only_tighter=only_tighter,
    )
    command = Command(
        command_id=command_id,
        origin=origin,
        action=ModifyAction(position.identifier, True, levels.stop_loss, True, levels.take_profit),
        stop_generation=0,
        automated=False,
        deadline=None,
        cause=cause,
    )
    try:
        return await executor.perform(command, Plan(Expansion((leg,))))
    except JournalUnavailable as error:
        log.warning("levels of %d were not written: %s", position.identifier, error)
        return None
