"""Trades: what can be asked of them, checked with numbers before it becomes a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_server.domain import control, order_rules
from signalos_server.domain.actions import (
    Action,
    Adopt,
    BreakEven,
    Close,
    CloseAll,
    Modify,
    Open,
    loosens,
)
from signalos_server.domain.caller import Caller
from signalos_server.domain.command import Command
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import (
    BridgeAway,
    NoBridge,
    NotFound,
    OutOfRange,
    PermissionDenied,
    Refusal,
    RequestIdReused,
    StaleData,
    UnknownSymbol,
    WrongState,
)
from signalos_server.domain.frames import CheckResult
from signalos_server.domain.happenings import TrailingChanged
from signalos_server.domain.protection import ProtectionPlan
from signalos_server.domain.protection_rules import check_plan, check_start
from signalos_server.domain.records import Deal, SymbolSpec, Trade, TrailingStop
from signalos_server.domain.words import CommandState, MarginMode, TradeOrigin, TradeState
from signalos_server.service.access import seen_account, seen_accounts, traded_account, traded_symbol
from signalos_server.service.commands import Asked, CommandUseCases, Draft
from signalos_server.service.concealment import hides_of, hides_of_open
from signalos_server.service.hub import Clocks, Hub
from signalos_server.service.live import LiveTrade
from signalos_server.service.quotes import Quotes
from signalos_server.service.records import AccountRef, Page, Records, Request, Storage

_CHECK_SECONDS = 5.0
# What the terminal's list shows later than this is not waited for by who asked.
_RECORD_SECONDS = 1.0
_HALF = Decimal("0.5")

# Changes what is wanted of a trade in its account's document; raises a `Refusal`.
_Change = Callable[[Records, Trade, ControlDocument], ControlDocument]


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What became of a wish for one trade: its trailing stop, or its ladder and break-even."""

    trade: Trade
    policy: control.TradePolicy | None
    revision: int
    applied: bool
    problem: str


@dataclass(frozen=True, slots=True)
class TradeWishes:
    """What is wanted of one trade, up to which revision its bridge keeps to that, and why to no more."""

    policy: control.TradePolicy
    applied_revision: int
    problem: str


@dataclass(frozen=True, slots=True)
class TradeRead:
    """One trade with all that is known of it; `wishes` None: nothing was asked since it was opened."""

    trade: TradeWithNumbers
    deals: list[Deal]
    wishes: TradeWishes | None


@dataclass(frozen=True, slots=True)
class TradeWithNumbers:
    """A trade, what changes of it at every tick, and how old that is."""

    trade: Trade
    live: LiveTrade | None
    age_seconds: float | None


class Trades:
    """The use cases of `TradeService`."""

    def __init__(
        self, storage: Storage, hub: Hub, commands: CommandUseCases, quotes: Quotes, clocks: Clocks
    ) -> None:
        self._storage = storage
        self._hub = hub
        self._quotes = quotes
        self._commands = commands
        self._clocks = clocks

    # Acting.

    async def open(self, asked: Asked, account_id: str, action: Open) -> Command:
        """Open a trade or place a pending order."""

        def prepare(records: Records) -> Draft:
            account = traded_account(records, asked.caller, account_id)
            self.check_open(records, account, action)
            return Draft(account, action, increases_risk=True)

        started = self._clocks.monotonic()
        levels = action.price is not None or action.stop_loss is not None or bool(action.take_profits)
        if levels or _has_targets(action):
            command = await self._accept_judged(
                asked, prepare, lambda records: self._of_open(records, asked.caller, account_id, action)
            )
        else:
            command = await self._commands.accept(asked, prepare)
        await self._recorded(command, asked.wait_seconds - (self._clocks.monotonic() - started))
        return command

    async def _recorded(
        self, command: Command, seconds: float, shows: Callable[[Trade], bool] = lambda _: True
    ) -> None:
        """Wait, within the caller's time, until the trade of a command that was done can be read so.

        The outcome comes from the terminal's answer, the trade from the terminal's list a moment later. Who
        is told of a trade reads it next.
        """
        if command.state not in (CommandState.SUCCEEDED, CommandState.PARTIAL) or not command.trade_id:
            return
        if seconds <= 0:
            return
        with self._hub.board.trades.watch(command.trade_id) as watch:
            trade = await self._storage.read(lambda records: records.book.trade(command.trade_id))
            if trade is None or not (trade.is_over or shows(trade)):
                await watch.until(min(seconds, _RECORD_SECONDS), lambda now: now.is_over or shows(now))

    @staticmethod
    def _of_open(records: Records, caller: Caller, account_id: str, action: Open) -> tuple[str, str]:
        return traded_account(records, caller, account_id).account_id, action.symbol

    async def _accept_judged(
        self,
        asked: Asked,
        prepare: Callable[[Records], Draft],
        named: Callable[[Records], tuple[str, str]],
    ) -> Command:
        """Accept a command whose levels are judged by the market.

        The market may have moved since its last quote came: a new one is asked for before one is refused.
        """
        asked_now = await self._ask_quote(named)
        try:
            return await self._commands.accept(asked, prepare)
        except OutOfRange:
            if asked_now:
                raise
            await self._ask_quote(named, anew=True)
            return await self._commands.accept(asked, prepare)

    async def _ask_quote(self, named: Callable[[Records], tuple[str, str]], *, anew: bool = False) -> bool:
        """See to it that levels can be judged: `named` returns account and symbol.

        A stop on the wrong side is refused here, with its range, and not accepted for the bridge to reject.
        What stands against the call is left to be told by the unit that accepts it. Returns whether one was
        asked for.
        """

        def unit(records: Records) -> tuple[str, SymbolSpec] | None:
            account_id, symbol = named(records)
            spec = records.book.symbol(account_id, symbol)
            return None if spec is None else (account_id, spec)

        try:
            found = await self._storage.read(unit)
        except Refusal:
            return False
        return found is not None and await self._quotes.ask(*found, anew=anew)

    def check_open(self, records: Records, account: AccountRef, action: Open) -> None:
        """Raise the `Refusal` against an order: no bridge, no such symbol, numbers out of range."""
        if records.bridges.of_account(account.account_id) is None:
            raise NoBridge(account.account_id)
        spec = traded_symbol(records, account.account_id, action.symbol)
        if len(action.take_profits) > 1 and account.margin_mode is not MarginMode.HEDGING:
            raise OutOfRange(
                "several take profits need a hedging account",
                {"field": "takeProfits", "value": str(len(action.take_profits)), "maximum": "1"},
            )
        market = self._quotes.market(account.account_id, spec)
        document = records.control.get(account.account_id).document
        order_rules.check_open(spec, action, market, hides_of_open(document, action))
        if action.protection is not None:
            price = action.price
            if price is None and market is not None:
                price = market.closing(action.side)
            check_plan(action.protection, action.side, price, action.stop_loss, field="protection")

    async def preview(self, caller: Caller, account_id: str, action: Open) -> CheckResult:
        """Count an order with live numbers at the bridge, without sending it."""

        def unit(records: Records) -> AccountRef:
            account = traded_account(records, caller, account_id)
            self.check_open(records, account, action)
            return account

        if _has_targets(action):
            # The bridge counts an order, and does not look at the ladder that comes with it.
            await self._ask_quote(lambda records: self._of_open(records, caller, account_id, action))
        account = await self._storage.read(unit)
        if not self._quotes.may_ask(account.account_id):
            raise BridgeAway(account.account_id, "")
        result = await self._quotes.count(account.account_id, action, _CHECK_SECONDS)
        if result is None or result.unavailable:
            raise StaleData(account.account_id, "the terminal")
        if result.unknown_symbol:
            raise UnknownSymbol(action.symbol, account.account_id)
        denial = await self._commands.limits.check_open(account.account_id, action)
        if denial is None or any(one.startswith(denial.code) for one in result.problems):
            return result
        return replace(result, problems=(*result.problems, str(denial)))

    async def close(self, asked: Asked, trade_id: str) -> Command:
        """Close a trade."""
        return await self._act(asked, trade_id, lambda _, trade: Close(trade.position.identifier))

    async def partial_close(
        self, asked: Asked, trade_id: str, fraction: Decimal | None, volume_lots: Decimal | None
    ) -> Command:
        """Close a part of a trade: a fraction of what is open when the bridge acts, or so many lots."""

        def action(records: Records, trade: Trade) -> Action:
            return _part(records, trade, fraction, volume_lots)

        return await self._act(asked, trade_id, action)

    async def modify(self, asked: Asked, trade_id: str, levels: Modify) -> Command:
        """Set or remove levels. `levels.position_identifier` is filled in here."""

        def prepare(records: Records) -> Draft:
            return self.draft_modify(records, asked.caller, trade_id, levels)

        started = self._clocks.monotonic()
        if levels.stop_loss is not None or levels.take_profit is not None:
            command = await self._accept_judged(
                asked, prepare, lambda records: self._of_trade(records, asked.caller, trade_id)
            )
        else:
            command = await self._commands.accept(asked, prepare)
        left = asked.wait_seconds - (self._clocks.monotonic() - started)
        await self._recorded(command, left, lambda trade: _has_levels(trade, levels))
        return command

    # What a unit that decides more asks of a trade; see `CommandUseCases.within`.

    def draft_modify(self, records: Records, caller: Caller, trade_id: str, levels: Modify) -> Draft:
        """Return what sets or removes levels. Raises a `Refusal`."""
        account, trade = _managed(records, caller, trade_id)
        position = trade.position
        action = Modify(
            position.identifier,
            levels.set_stop_loss,
            levels.stop_loss,
            levels.set_take_profit,
            levels.take_profit,
        )
        self._check_levels(records, trade, action)
        risky = levels.set_stop_loss and loosens(position.side, trade.stop_loss, levels.stop_loss)
        return Draft(account, action, increases_risk=risky, trade_id=trade_id)

    @staticmethod
    def draft_close(
        records: Records, caller: Caller, trade_id: str, fraction: Decimal | None = None
    ) -> Draft:
        """Return what closes a trade, or a fraction of what is open. Raises a `Refusal`."""
        account, trade = _open_trade(records, caller, trade_id)
        whole = Close(trade.position.identifier)
        action = whole if fraction is None else _part(records, trade, fraction, None)
        return Draft(account, action, increases_risk=False, trade_id=trade_id)

    @staticmethod
    def draft_break_even(records: Records, caller: Caller, trade_id: str) -> Draft:
        """Return what moves a stop to where leaving costs nothing. Raises a `Refusal`."""
        account, trade = _managed(records, caller, trade_id)
        return Draft(account, BreakEven(trade.position.identifier), increases_risk=False, trade_id=trade_id)

    def want_trailing(
        self, records: Records, caller: Caller, trade_id: str, trailing: TrailingStop | None
    ) -> ControlDocument:
        """Store what is wanted of a trade's stop; the document is to be sent once it is committed."""
        return self._want(records, caller, trade_id, self._trailing_change(trade_id, trailing))

    def want_protection(
        self, records: Records, caller: Caller, trade_id: str, plan: ProtectionPlan | None
    ) -> ControlDocument:
        """Store what is wanted of a trade's ladder; the document is to be sent once it is committed."""
        return self._want(records, caller, trade_id, self._protection_change(plan))

    @staticmethod
    def _want(records: Records, caller: Caller, trade_id: str, change: _Change) -> ControlDocument:
        account, trade = _managed(records, caller, trade_id)
        if records.bridges.of_account(account.account_id) is None:
            raise NoBridge(account.account_id)
        changed = change(records, trade, records.control.lock(account.account_id).document)
        records.control.save(changed)
        return changed

    @staticmethod
    def _of_trade(records: Records, caller: Caller, trade_id: str) -> tuple[str, str]:
        account, trade = _open_trade(records, caller, trade_id)
        return account.account_id, trade.position.symbol

    def _check_levels(self, records: Records, trade: Trade, action: Modify) -> None:
        spec = traded_symbol(records, trade.account_id, trade.position.symbol)
        market = self._quotes.market(trade.account_id, spec)
        side = trade.position.side
        stop_loss = action.stop_loss if action.set_stop_loss else None
        take_profits = (action.take_profit,) if action.set_take_profit and action.take_profit else ()
        reference = None if market is None else market.closing(side)
        hides = hides_of(records.control.get(trade.account_id).document, hidden=trade.position.hidden)
        order_rules.check_levels(spec, side, reference, stop_loss, take_profits, hides)

    async def break_even(self, asked: Asked, trade_id: str, offset: Decimal = Decimal(0)) -> Command:
        """Move the stop to where leaving costs nothing, and `offset` beyond, once."""
        return await self._act(
            asked, trade_id, lambda _, trade: BreakEven(trade.position.identifier, offset), managed=True
        )

    async def adopt(self, asked: Asked, trade_id: str) -> Command:
        """Take a trade that was opened outside under management."""

        def action(_: Records, trade: Trade) -> Action:
            if trade.position.origin is not TradeOrigin.EXTERNAL:
                raise WrongState("trade", trade_id, trade.position.origin.name)
            return Adopt(trade.position.identifier)

        return await self._act(asked, trade_id, action)

    async def close_all(self, asked: Asked, account_id: str, *, external: bool, symbol: str) -> Command:
        """Close all trades of an account, or those of a symbol.

        A name that the account does not know is refused: "nothing to close" would pass for "closed".
        """

        def prepare(records: Records) -> Draft:
            account = traded_account(records, asked.caller, account_id)
            if symbol and not any(
                trade.position.symbol == symbol for trade in records.book.open_trades([account.account_id])
            ):
                traded_symbol(records, account.account_id, symbol)
            return Draft(account, CloseAll(external, symbol), increases_risk=False)

        return await self._commands.accept(asked, prepare)

    async def _act(
        self,
        asked: Asked,
        trade_id: str,
        action: Callable[[Records, Trade], Action],
        *,
        managed: bool = False,
    ) -> Command:
        def prepare(records: Records) -> Draft:
            find = _managed if managed else _open_trade
            account, trade = find(records, asked.caller, trade_id)
            return Draft(account, action(records, trade), increases_risk=False, trade_id=trade_id)

        return await self._commands.accept(asked, prepare)

    async def set_trailing(self, asked: Asked, trade_id: str, trailing: TrailingStop | None) -> PolicyAnswer:
        """Set or remove what is wanted of a trade's stop, and wait for the bridge to keep to it."""

        change = self._trailing_change(trade_id, trailing)
        return await self._set_policy(asked, trade_id, change, quoted=trailing is not None)

    def _trailing_change(self, trade_id: str, trailing: TrailingStop | None) -> _Change:
        def change(records: Records, trade: Trade, document: ControlDocument) -> ControlDocument:
            if trailing is not None:
                self._check_trailing(records, trade, trailing)
            changed = control.set_trailing_stop(document, trade.position.identifier, trailing)
            records.happened(
                trade.account_id,
                TrailingChanged(
                    f"trailing:{trade_id}:{changed.revision}",
                    trade,
                    trailing,
                    False,
                    "trailing stop set" if trailing is not None else "trailing stop removed",
                ),
            )
            return changed

        return change

    async def set_protection(self, asked: Asked, trade_id: str, plan: ProtectionPlan | None) -> PolicyAnswer:
        """Set or remove a trade's ladder and move to break-even, and wait for the bridge to keep to it."""

        change = self._protection_change(plan)
        return await self._set_policy(asked, trade_id, change, quoted=plan is not None)

    def _protection_change(self, plan: ProtectionPlan | None) -> _Change:
        def change(records: Records, trade: Trade, document: ControlDocument) -> ControlDocument:
            if plan is not None:
                self._check_protection(records, trade, plan)
            return control.set_protection(document, trade.position.identifier, plan)

        return change

    async def set_stealth(self, asked: Asked, trade_id: str, stealth: bool | None) -> PolicyAnswer:
        """Hide or show a trade's levels (None: as its account's), and wait for the bridge to keep to it."""

        def change(_: Records, trade: Trade, document: ControlDocument) -> ControlDocument:
            return control.set_trade_stealth(document, trade.position.identifier, stealth)

        return await self._set_policy(asked, trade_id, change, quoted=False)

    async def _set_policy(
        self,
        asked: Asked,
        trade_id: str,
        change: _Change,
        *,
        quoted: bool,
    ) -> PolicyAnswer:
        def unit(records: Records) -> tuple[Trade, ControlDocument, bool]:
            account, trade = _managed(records, asked.caller, trade_id)
            now = self._clocks.moment().wall
            request = Request(asked.caller.user_id, asked.request_id, asked.body_hash, "")
            before = records.commands.claim(request, now)
            document = records.control.lock(account.account_id).document
            if before is not None:
                if before.body_hash != asked.body_hash:
                    raise RequestIdReused(asked.request_id, before.command_id)
                return trade, document, False
            if records.bridges.of_account(account.account_id) is None:
                raise NoBridge(account.account_id)
            changed = change(records, trade, document)
            records.control.save(changed)
            return trade, changed, True

        account_id = await self._account_of(asked.caller, trade_id)
        if quoted:
            await self._ask_quote(lambda records: self._of_trade(records, asked.caller, trade_id))
        with self._hub.board.applied.watch(account_id) as watch:
            trade, document, changed = await self._storage.run(unit)
            policy = control.policy_wanted(document, trade.position.identifier)
            revision = policy.latest_revision if policy is not None else document.revision
            if changed:
                self._hub.desire(document)
            saved = await watch.until(
                asked.wait_seconds if changed else 0.0, lambda one: one.revision >= revision
            )

        def fresh(records: Records) -> tuple[Trade, int]:
            wanted = records.control.get(account_id)
            applied = wanted.applied.revision if wanted.applied is not None else 0
            return records.book.trade(trade_id) or trade, applied

        trade, applied = await self._storage.read(fresh)
        return PolicyAnswer(
            trade=trade,
            policy=policy,
            revision=revision,
            applied=applied >= revision,
            problem=saved.problem if saved is not None and saved.revision >= revision else "",
        )

    def _check_protection(self, records: Records, trade: Trade, plan: ProtectionPlan) -> None:
        spec = traded_symbol(records, trade.account_id, trade.position.symbol)
        market = self._quotes.market(trade.account_id, spec)
        price = None if market is None else market.closing(trade.position.side)
        check_plan(plan, trade.position.side, price, trade.position.initial_stop_loss)

    def _check_trailing(self, records: Records, trade: Trade, trailing: TrailingStop) -> None:
        spec = traded_symbol(records, trade.account_id, trade.position.symbol)
        market = self._quotes.market(trade.account_id, spec)
        price = trade.position.open_price if market is None else market.closing(trade.position.side)
        hides = hides_of(records.control.get(trade.account_id).document, hidden=trade.position.hidden)
        order_rules.check_trailing(spec, trailing, price, hides)
        if trailing.start is not None:
            kept = trade.position.protection
            check_start(trailing.start, len(kept.steps) if kept else 0, trade.position.initial_stop_loss)

    async def _account_of(self, caller: Caller, trade_id: str) -> str:
        def unit(records: Records) -> str:
            return _seen_trade(records, caller, trade_id).account_id

        return await self._storage.read(unit)

    # Reading.

    async def page(
        self,
        caller: Caller,
        account_id: str,
        page: Page,
        *,
        state: TradeState | None,
        symbol: str,
        start: int | None,
        end: int | None,
    ) -> list[Trade]:
        """Return trades, newest first; bounds in milliseconds since 1970."""

        def unit(records: Records) -> list[Trade]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.book.trades(accounts, page, state=state, symbol=symbol, start=start, end=end)

        return await self._storage.read(unit)

    async def open_trades(self, caller: Caller, account_id: str) -> list[TradeWithNumbers]:
        """Return open trades with their numbers."""

        def unit(records: Records) -> list[Trade]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.book.open_trades(accounts)

        return [self._with_numbers(trade) for trade in await self._storage.read(unit)]

    async def get(self, caller: Caller, trade_id: str) -> TradeRead:
        """Return a trade with its deals and what is wanted of it."""

        def unit(records: Records) -> tuple[Trade, list[Deal], TradeWishes | None]:
            trade = _seen_trade(records, caller, trade_id)
            deals = records.book.deals_of(trade.account_id, trade.position.identifier)
            return trade, deals, _wishes(records, trade)

        trade, deals, wishes = await self._storage.read(unit)
        return TradeRead(self._with_numbers(trade), deals, wishes)

    async def deals(
        self, caller: Caller, account_id: str, page: Page, *, start: int | None, end: int | None
    ) -> list[tuple[str, Deal]]:
        """Return deals with their accounts, newest first."""

        def unit(records: Records) -> list[tuple[str, Deal]]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.book.deals(accounts, page, start=start, end=end)

        return await self._storage.read(unit)

    def _with_numbers(self, trade: Trade) -> TradeWithNumbers:
        live = None
        if not trade.is_over:
            live = self._hub.live.trade(trade.account_id, trade.position.identifier)
        age = None if live is None else max(self._clocks.monotonic() - live.read_at, 0.0)
        return TradeWithNumbers(trade, live, age)


def _wishes(records: Records, trade: Trade) -> TradeWishes | None:
    wanted = records.control.get(trade.account_id)
    policy = control.policy_wanted(wanted.document, trade.position.identifier)
    if policy is None:
        return None
    applied = wanted.applied.revision if wanted.applied is not None else 0
    return TradeWishes(policy, applied, wanted.problem if applied < policy.latest_revision else "")


def _part(records: Records, trade: Trade, fraction: Decimal | None, volume_lots: Decimal | None) -> Close:
    spec = traded_symbol(records, trade.account_id, trade.position.symbol)
    open_lots = trade.position.volume_lots
    if volume_lots is not None:
        order_rules.check_volume(spec, volume_lots)
        order_rules.check_part(spec, open_lots, volume_lots, "volumeLots")
        return Close(trade.position.identifier, volume_lots=volume_lots)
    share = fraction if fraction is not None else _HALF
    part = order_rules.part_of(spec, open_lots, share)
    order_rules.check_part(spec, open_lots, part, "percentage")
    return Close(trade.position.identifier, fraction=share)


def _has_targets(action: Open) -> bool:
    return action.protection is not None and bool(action.protection.targets)


def _has_levels(trade: Trade, levels: Modify) -> bool:
    return (not levels.set_stop_loss or trade.stop_loss == levels.stop_loss) and (
        not levels.set_take_profit or trade.take_profit == levels.take_profit
    )


def _seen_trade(records: Records, caller: Caller, trade_id: str) -> Trade:
    trade = records.book.trade(trade_id)
    if trade is None:
        raise NotFound("trade", trade_id)
    try:
        seen_account(records, caller, trade.account_id)
    except NotFound:
        raise NotFound("trade", trade_id) from None
    return trade


def _open_trade(records: Records, caller: Caller, trade_id: str) -> tuple[AccountRef, Trade]:
    """Return an open trade of the caller's own account."""
    trade = _seen_trade(records, caller, trade_id)
    account = records.account(trade.account_id)
    assert account is not None
    if account.owner_user_id != caller.user_id:
        raise PermissionDenied("OWNER")
    if trade.is_over:
        raise WrongState("trade", trade_id, trade.state.name)
    return account, trade


def _managed(records: Records, caller: Caller, trade_id: str) -> tuple[AccountRef, Trade]:
    """Return an open trade that SignalOS manages: what was opened outside is adopted first."""
    account, trade = _open_trade(records, caller, trade_id)
    if trade.position.origin is TradeOrigin.EXTERNAL:
        raise WrongState(
            "trade", trade_id, "EXTERNAL", "it was opened outside: adopt it before its stop is managed"
        )
    return account, trade
