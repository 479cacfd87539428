"""Expanding actions by what the terminal shows. It is read only where memory is not enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.command import HiddenLevels, LevelChange, OrderLevels
from signalos_bridge.domain.expansion import (
    Expansion,
    OpenFacts,
    Tagger,
    break_even_stop,
    expand_cancel_order,
    expand_close,
    expand_close_all,
    expand_levels,
    expand_modify_order,
    expand_open,
    level_leg,
    level_leg_without_call,
    out_of_turn,
    position_gone,
    turn_note,
    wrong_side,
)
from signalos_bridge.domain.market import AccountSnapshot, Position, SymbolSpec, Tick, WorkingOrder
from signalos_bridge.domain.normalise import round_price, round_stop_loss, round_take_profit, volume_down
from signalos_bridge.domain.orders import loosens
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.sizing import money_at_risk, volume_for_risk
from signalos_bridge.domain.stealth import disaster_stop, least_loss_per_lot, ratchet, tighter
from signalos_bridge.domain.values import (
    AdoptAction,
    BreakEvenAction,
    CancelOrderAction,
    CloseAction,
    CloseAllAction,
    Command,
    CommandOrigin,
    ModifyAction,
    ModifyOrderAction,
    OpenAction,
    OpenKind,
    Refusal,
)
from signalos_bridge.store import Store
from signalos_bridge.terminal.port import Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView


@dataclass(frozen=True, slots=True)
class Plan:
    """What a command comes to: its legs, and what changes in the record by our own doing."""

    expansion: Expansion
    adopt: int = 0


@dataclass(frozen=True, slots=True)
class Sized:
    """An open with its volume, and the numbers behind it."""

    volume_lots: Decimal
    spec: SymbolSpec
    tick: Tick
    account: AccountSnapshot
    disaster: Decimal | None
    target_only: bool = False
    note: str = ""

    def facts(self, broker_now_seconds: int | None) -> OpenFacts:
        """Return what the open is judged by."""
        return OpenFacts(
            spec=self.spec,
            tick=self.tick,
            hedging=self.account.margin_mode.is_hedging,
            disaster_stop=self.disaster,
            target_only=self.target_only,
            broker_now_seconds=broker_now_seconds,
        )


class Expander:
    """Turns commands into plans."""

    def __init__(self, terminal: Terminal, view: TerminalView, store: Store) -> None:
        self._terminal = terminal
        self._view = view
        self._store = store

    def expand_now(self, command: Command) -> Plan | None:
        """Return the plan of a close or cancel that needs no reading, None where one is needed."""
        action = command.action
        tagger = self._tagger(command)
        if isinstance(action, CloseAction):
            if self._in_turn(command):
                return None
            position = self._view.positions.get(action.position_identifier)
            spec = self._view.last_spec(position.symbol) if position is not None else None
            if position is None or spec is None:
                return None
            expansion = expand_close(action, position, spec, tagger)
            # A refusal must come from fresh numbers.
            return None if isinstance(expansion, Refusal) else Plan(expansion)
        if isinstance(action, CancelOrderAction):
            order = self._view.orders.get(action.order_ticket)
            return None if order is None else Plan(expand_cancel_order(order, tagger))
        return None

    async def expand(self, command: Command) -> Plan | Refusal:
        """Return the plan, from fresh readings. Raises `TerminalUnavailable`."""
        action = command.action
        tagger = self._tagger(command)
        if isinstance(action, OpenAction):
            return await self._open(action, replace(tagger, wish=action.comment))
        if isinstance(action, CloseAction):
            position = await self._position(action.position_identifier)
            if position is None:
                return position_gone(action.position_identifier)
            if self._in_turn(command) and (early := out_of_turn(position, await self._terminal.positions())):
                return early
            return _plan(expand_close(action, position, await self._spec(position.symbol), tagger))
        if isinstance(action, CloseAllAction):
            chosen, outside = await self._of_close_all(action)
            return Plan(expand_close_all(chosen, tagger, outside))
        if isinstance(action, ModifyAction):
            own = command.origin in (CommandOrigin.LADDER, CommandOrigin.TRAILING)
            return await self._modify(action, tagger, only_tighter=own)
        if isinstance(action, BreakEvenAction):
            return await self._break_even(action, tagger)
        if isinstance(action, AdoptAction):
            return await self._adopt(action, tagger)
        return await self._order_action(action, tagger)

    def _in_turn(self, command: Command) -> bool:
        """Return whether a close has to wait for its turn; what guards and stops close is tried anyway."""
        account = self._view.account
        return account is not None and account.fifo_close and not command.origin.is_bridge

    # -- opening ---------------------------------------------------------------------------------------

    async def _open(self, action: OpenAction, tagger: Tagger) -> Plan | Refusal:
        sized = await self.size(action)
        if isinstance(sized, Refusal):
            return sized
        facts = sized.facts(self._view.broker_now_seconds(sized.tick))
        expansion = expand_open(action, sized.volume_lots, tagger, facts)
        if isinstance(expansion, Expansion):
            turn = ""
            if sized.account.fifo_close:
                turn = turn_note(action.symbol, action.side, await self._terminal.positions())
            note = "; ".join(filter(None, (sized.note, expansion.note, turn)))
            expansion = replace(expansion, note=note)
        return _plan(expansion)

    async def size(self, action: OpenAction) -> Sized | Refusal:
        """Return an open's volume from live numbers. Raises `TerminalUnavailable`."""
        spec = await self._view.spec(action.symbol, fresh=True)
        if spec is None:
            return Refusal("UNKNOWN_SYMBOL", f"the broker has no symbol {action.symbol}")
        tick = await self._terminal.tick(action.symbol)
        if tick is None:
            return Refusal("NO_QUOTE", f"there is no quote of {action.symbol}")
        account = await self._terminal.account()
        volume = action.volume_lots
        if action.risk is not None:
            counted = await self._volume_from_risk(action, spec, tick, account)
            if isinstance(counted, Refusal):
                return counted
            volume = counted
        if volume is None:
            return Refusal("VOLUME_MISSING", "neither a volume nor a risk was given")
        sized = Sized(volume, spec, tick, account, None)
        policies = self._store.policies
        if policies is None or not policies.stealth:
            return sized
        if policies.stealth_settings.mandatory_stop:
            # Without a stop there is nothing that the broker could be shown instead of the take profit.
            return replace(sized, target_only=action.stop_loss is not None and bool(action.take_profits))
        return self._concealed(action, sized)

    def _concealed(self, action: OpenAction, sized: Sized) -> Sized | Refusal:
        """Return an open with its disaster stop: sized on the virtual stop, admitted on the disaster stop.

        A volume that was counted from a risk shrinks until the disaster stop's loss fits the headroom; one
        that was given is refused.
        """
        spec, side, volume = sized.spec, action.side, sized.volume_lots
        stop = None if action.stop_loss is None else round_stop_loss(action.stop_loss, side, spec)
        at = sized.tick
        if action.kind is not OpenKind.MARKET and action.price is not None:
            # A pending order's levels are measured from its own price.
            at = replace(at, bid=action.price, ask=action.price)
        money = self._view.money(spec, self._store.equity_floor, sized.account)
        commission = self._view.commission_per_lot(action.symbol)
        if money.headroom is None or stop is None:
            return replace(sized, disaster=disaster_stop(side, volume, stop, spec, at, money))
        per_lot = least_loss_per_lot(side, stop, spec, at, money)
        if per_lot is None:
            return Refusal("RISK_UNKNOWN", f"the loss of a lot of {spec.name} cannot be counted")
        per_lot += commission
        note = ""
        if per_lot * volume > money.headroom:
            words = (
                f"DISASTER_STOP_HEADROOM: limit={money.headroom:.2f} worst_case={per_lot * volume:.2f}: "
                f"{volume:f} lots of {spec.name} at their disaster stop"
            )
            fits = volume_down(money.headroom / per_lot, spec)
            if action.risk is None or fits < spec.volume_min_lots:
                return Refusal("DISASTER_STOP_HEADROOM", words)
            note, volume = f"{words}; {fits:f} lots fit", fits
        costs = volume * (commission + (at.spread or Decimal(0)) * money.tick_value / spec.tick_size)
        left = replace(money, headroom=money.headroom - costs)
        disaster = disaster_stop(side, volume, stop, spec, at, left)
        return replace(sized, volume_lots=volume, disaster=disaster, note=note)

    async def _volume_from_risk(
        self, action: OpenAction, spec: SymbolSpec, tick: Tick, account: AccountSnapshot
    ) -> Decimal | Refusal:
        assert action.risk is not None
        if action.stop_loss is None:
            return Refusal("STOP_LOSS_MISSING", "a volume from risk needs a stop loss")
        price = action.price if action.kind is not OpenKind.MARKET else tick.opening_price(action.side)
        if price is None:
            return Refusal("NO_QUOTE", f"there is no quote of {action.symbol}")
        if (price - action.stop_loss) * action.side.value <= 0:
            return Refusal("WRONG_SIDE", f"stop loss {action.stop_loss} is not on the losing side of {price}")
        loss = await self.loss_per_lot(action, spec, price)
        return volume_for_risk(money_at_risk(action.risk, account), loss, spec)

    async def loss_per_lot(self, action: OpenAction, spec: SymbolSpec, price: Decimal) -> Decimal:
        """Return what a lot loses at the stop, commission included; positive, account currency."""
        assert action.stop_loss is not None
        unit = min(Decimal(1), spec.volume_max_lots)
        profit = await self._terminal.calc_profit(action.symbol, action.side, unit, price, action.stop_loss)
        return -profit / unit + self._view.commission_per_lot(action.symbol)

    # -- levels ----------------------------------------------------------------------------------------

    async def _modify(self, action: ModifyAction, tagger: Tagger, *, only_tighter: bool) -> Plan | Refusal:
        position = await self._position(action.position_identifier)
        if position is None:
            return position_gone(action.position_identifier)
        spec = await self._spec(position.symbol)
        known = self._store.record.positions.get(position.identifier)
        stop, target = position.stop_loss, position.take_profit
        if known is not None and known.record.hidden:
            target = known.record.virtual_take_profit
        if known is not None and known.record.stop_hidden:
            stop = known.record.virtual_stop_loss
        if action.set_stop_loss:
            stop = (
                None if action.stop_loss is None else round_stop_loss(action.stop_loss, position.side, spec)
            )
        if action.set_take_profit:
            target = (
                None
                if action.take_profit is None
                else round_take_profit(action.take_profit, position.side, spec)
            )
        return await self._levels(position, known, stop, target, spec, tagger, only_tighter=only_tighter)

    async def _levels(
        self,
        position: Position,
        known: KnownPosition | None,
        stop: Decimal | None,
        target: Decimal | None,
        spec: SymbolSpec,
        tagger: Tagger,
        *,
        only_tighter: bool,
    ) -> Plan | Refusal:
        tick = await self._terminal.tick(position.symbol)
        if tick is None:
            return Refusal("NO_QUOTE", f"there is no quote of {position.symbol}")
        if known is None or not known.record.hidden:
            effective = position.stop_loss
            return _plan(
                expand_levels(
                    position,
                    stop,
                    target,
                    spec,
                    tick,
                    tagger,
                    effective_stop=effective,
                    only_tighter=only_tighter,
                )
            )
        if known.record.target_only:
            return self._hidden_target(position, stop, target, spec, tick, tagger, only_tighter=only_tighter)
        levels = HiddenLevels(stop, target)
        return self._hidden_levels(position, known, levels, spec, tick, tagger, only_tighter=only_tighter)

    def _hidden_target(
        self,
        position: Position,
        stop: Decimal | None,
        target: Decimal | None,
        spec: SymbolSpec,
        tick: Tick,
        tagger: Tagger,
        *,
        only_tighter: bool,
    ) -> Plan | Refusal:
        """Give levels to a position whose stop the broker sees and whose take profit it does not."""
        if problem := wrong_side(position.side, None, () if target is None else (target,), tick):
            return problem
        expansion = expand_levels(
            position,
            stop,
            None,
            spec,
            tick,
            tagger,
            effective_stop=position.stop_loss,
            only_tighter=only_tighter,
        )
        if isinstance(expansion, Refusal):
            return expansion
        loosening = loosens(position.side, position.stop_loss, stop)
        words = f"levels: stop loss {_shown(stop)}, hidden take profit {_shown(target)}"
        levels = HiddenLevels(None, target, target_only=True)
        return _with_levels(
            expansion, LevelChange(position.identifier, levels, loosening, words, only_tighter)
        )

    def _hidden_levels(
        self,
        position: Position,
        known: KnownPosition,
        levels: HiddenLevels,
        spec: SymbolSpec,
        tick: Tick,
        tagger: Tagger,
        *,
        only_tighter: bool,
    ) -> Plan | Refusal:
        side = position.side
        targets = () if levels.take_profit is None else (levels.take_profit,)
        if problem := wrong_side(side, levels.stop_loss, targets, tick):
            return problem
        loosening = loosens(side, known.effective_stop, levels.stop_loss)
        money = self._view.money(spec, self._store.equity_floor, apart=position.identifier)
        wanted = disaster_stop(side, position.volume_lots, levels.stop_loss, spec, tick, money)
        held = position.stop_loss
        broker: Decimal | None
        if held is not None and tighter(side, held, levels.stop_loss) == held:
            # The hidden stop goes behind the disaster stop, which has to go further back.
            if wanted is None:
                room = "unknown" if money.headroom is None else f"{money.headroom:.2f}"
                return Refusal(
                    "DISASTER_STOP_HEADROOM",
                    f"DISASTER_STOP_HEADROOM: limit={room}: no disaster stop behind "
                    f"{_shown(levels.stop_loss)} fits it; the broker's is at {held}",
                )
            broker = wanted
        else:
            broker = ratchet(side, held, wanted, spec.tick_size) or held
        leg = level_leg_without_call(position, tagger)
        if broker != held or position.take_profit is not None:
            leg = level_leg(position, broker, None, tagger, effective_stop=known.effective_stop)
            if leg.order is not None and not loosening:
                leg = level_leg(position, broker, None, tagger, effective_stop=None)
        words = (
            f"hidden levels: stop loss {_shown(levels.stop_loss)}, take profit {_shown(levels.take_profit)}"
        )
        change = LevelChange(position.identifier, levels, loosening, words, only_tighter)
        return _with_levels(Expansion((leg,)), change)

    async def _break_even(self, action: BreakEvenAction, tagger: Tagger) -> Plan | Refusal:
        position = await self._position(action.position_identifier)
        if position is None:
            return position_gone(action.position_identifier)
        spec = await self._view.spec(position.symbol, fresh=True)
        tick = await self._terminal.tick(position.symbol)
        if spec is None or tick is None:
            return Refusal("NO_QUOTE", f"there is no quote of {position.symbol}")
        deals = await self._terminal.deals_of_position(position.identifier)
        for deal in deals:
            self._view.learn_commission(deal)
        commission = -sum((deal.commission + deal.fee for deal in deals), Decimal(0))
        # What leaving costs is not known before it happens; brokers charge both ways alike, or none.
        costs = max(commission, self._view.commission_per_lot(position.symbol) * position.volume_lots)
        stop = break_even_stop(position, costs - position.swap, spec, tick, action.offset)
        if isinstance(stop, Refusal):
            return stop
        known = self._store.record.positions.get(position.identifier)
        virtual = known.record.virtual_stop_loss if known is not None else None
        # The broker's stop as it was just read: somebody may have tightened it meanwhile.
        effective = tighter(position.side, virtual, position.stop_loss)
        if effective is not None and (effective - stop) * position.side.value >= 0:
            leg = level_leg_without_call(position, tagger)
            return Plan(Expansion((leg,), f"the stop at {effective} covers the costs already"))
        target = position.take_profit
        if known is not None and known.record.hidden:
            target = known.record.virtual_take_profit
        return await self._levels(position, known, stop, target, spec, tagger, only_tighter=True)

    # -- the rest --------------------------------------------------------------------------------------

    async def _adopt(self, action: AdoptAction, tagger: Tagger) -> Plan | Refusal:
        position = await self._position(action.position_identifier)
        if position is None:
            return position_gone(action.position_identifier)
        known = self._store.record.positions.get(position.identifier)
        leg = level_leg_without_call(position, tagger)
        if known is not None and known.managed:
            return Plan(Expansion((leg,), "the position is managed already"))
        return Plan(Expansion((leg,)), adopt=position.identifier)

    async def _order_action(
        self, action: ModifyOrderAction | CancelOrderAction, tagger: Tagger
    ) -> Plan | Refusal:
        order = await self._order(action.order_ticket)
        if order is None:
            return Refusal("ORDER_GONE", f"order {action.order_ticket} is not working at the terminal")
        if isinstance(action, CancelOrderAction):
            return Plan(expand_cancel_order(order, tagger))
        spec = await self._spec(order.symbol)
        tick = await self._terminal.tick(order.symbol)
        if tick is None:
            return Refusal("NO_QUOTE", f"there is no quote of {order.symbol}")
        owner = self._store.owners.get(order.magic)
        hidden = None if owner is None or owner.closes else owner.hidden
        if owner is None and (known := self._store.record.orders.get(order.ticket)) is not None:
            # A journal that is new knows them from the server alone.
            hidden = known.record.hidden
        if hidden is None:
            return _plan(expand_modify_order(action, order, spec, tick, tagger))
        return self._modify_hidden_order(action, order, hidden, spec, tick, tagger)

    def _modify_hidden_order(
        self,
        action: ModifyOrderAction,
        order: WorkingOrder,
        hidden: HiddenLevels,
        spec: SymbolSpec,
        tick: Tick,
        tagger: Tagger,
    ) -> Plan | Refusal:
        """Move an order with levels that the broker does not see: they are changed here."""
        side, price = order.type.side, order.open_price if action.price is None else action.price
        if side is None or price is None:
            return Refusal("ORDER_NOT_PENDING", f"order {order.ticket} is not a pending order")
        price = round_price(price, spec)
        stop = order.stop_loss if hidden.target_only else hidden.stop_loss
        target = hidden.take_profit
        if action.set_stop_loss:
            stop = None if action.stop_loss is None else round_stop_loss(action.stop_loss, side, spec)
        if action.set_take_profit:
            target = None if action.take_profit is None else round_take_profit(action.take_profit, side, spec)
        # They are measured from the order's own price.
        at = replace(tick, bid=price, ask=price)
        if problem := wrong_side(side, stop, () if target is None else (target,), at):
            return problem
        broker = stop
        if not hidden.target_only:
            money = self._view.money(spec, self._store.equity_floor, apart=order.ticket)
            broker = disaster_stop(side, order.current_volume_lots, stop, spec, at, money)
            if broker is None:
                return Refusal(
                    "DISASTER_STOP_HEADROOM",
                    f"DISASTER_STOP_HEADROOM: no disaster stop behind {_shown(stop)} can be counted or fits",
                )
        asked = replace(
            action,
            price=price,
            set_stop_loss=True,
            stop_loss=broker,
            set_take_profit=True,
            take_profit=None,
        )
        expansion = expand_modify_order(asked, order, spec, tick, tagger)
        if isinstance(expansion, Refusal):
            return expansion
        levels = HiddenLevels(None if hidden.target_only else stop, target, hidden.target_only)
        (leg,) = expansion.legs
        leg = replace(leg, order_levels=OrderLevels(order.ticket, order.magic, levels))
        return Plan(replace(expansion, legs=(leg,)))

    async def _of_close_all(self, action: CloseAllAction) -> tuple[list[Position], int]:
        """Return the positions that it is about, and how many it leaves because they were opened outside."""
        record = self._store.record.positions
        prefixes = self._store.prefixes
        meant = [
            position
            for position in await self._terminal.positions()
            if not action.symbol or position.symbol == action.symbol
        ]
        chosen = [
            position
            for position in meant
            if action.external
            or (
                known.managed
                if (known := record.get(position.identifier)) is not None
                else position.magic > 0 and position.magic >> 48 in prefixes
            )
        ]
        return chosen, len(meant) - len(chosen)

    async def _position(self, identifier: int) -> Position | None:
        """Return a position by its identifier, which may differ from its ticket on netting accounts."""
        held = self._view.positions.get(identifier)
        ticket = held.ticket if held is not None else identifier
        position = await self._terminal.position(ticket)
        if position is not None and position.identifier == identifier:
            return position
        for other in await self._terminal.positions():
            if other.identifier == identifier:
                return other
        return None

    async def _order(self, ticket: int) -> WorkingOrder | None:
        for order in await self._terminal.orders():
            if order.ticket == ticket:
                return order
        return None

    async def _spec(self, symbol: str) -> SymbolSpec:
        spec = await self._view.spec(symbol)
        if spec is None:
            # A position in a symbol that the terminal denies: nothing sound can be said of it.
            raise TerminalUnavailable(f"the terminal shows {symbol} and does not give its rules")
        return spec

    def _tagger(self, command: Command) -> Tagger:
        return Tagger(self._store.prefix, command.command_id)


def _plan(result: Expansion | Refusal) -> Plan | Refusal:
    return result if isinstance(result, Refusal) else Plan(result)


def _with_levels(expansion: Expansion, change: LevelChange) -> Plan:
    """Return a plan whose one leg brings hidden levels with its success."""
    (leg,) = expansion.legs
    return Plan(replace(expansion, legs=(replace(leg, level_change=change),)))


def _shown(level: Decimal | None) -> str:
    return "none" if level is None else str(level)
