"""What happens in a run, one step at a time: what people, programs, the market and bad luck do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from signalos_bridge.domain.market import Reason
from signalos_bridge.domain.market import Side as BrokerSide
from signalos_server.domain.actions import Modify, ModifyOrder, Open
from signalos_server.domain.protection import LadderTarget, ProtectionPlan, StopMove
from signalos_server.domain.records import TrailingStop, trade_id_of
from signalos_server.domain.words import CommandState, DistanceUnit, OrderState, OrderType, Side, TradeState
from signalos_server.service.commands import Asked
from tests.simulator.programs import ACCOUNT

if TYPE_CHECKING:
    from tests.simulator.programs import Server
    from tests.simulator.world import Wish, World

Act = Callable[["World"], Any]

STEPS = 220
# The wishes that become commands.
COMMANDS = (
    "open",
    "place",
    "close",
    "close part",
    "close all",
    "modify",
    "break even",
    "adopt",
    "cancel order",
    "modify order",
)


def plan(world: World) -> list[Act]:
    """Return the steps of a run: its commands and crashes at places drawn by the seed, the rest by weight."""
    random, profile = world.random, world.profile
    names, weights = list(profile.weights), list(profile.weights.values())
    acts: list[Act] = [ACTS[name] for name in random.choices(names, weights, k=STEPS)]
    places = random.sample(range(STEPS - 10), profile.commands + profile.crashes)
    for place in places[: profile.commands]:
        acts[place] = command
    for number, place in enumerate(places[profile.commands :]):
        acts[place] = kill_bridge if (number + world.seed) % 2 else kill_server
    world.network.repeat = profile.repeat
    return acts


# -- commands ------------------------------------------------------------------------------------------


def _asked(world: World, wish: Wish) -> Asked:
    live = None if wish.seconds is None else timedelta(seconds=wish.seconds)
    body = f"{wish.kind} {wish.request_id}".encode()
    return Asked(wish.caller, wish.request_id, body, live, 0.0)


def _seconds(world: World) -> float | None:
    if world.random.random() < world.profile.long_lived:
        return 60.0
    return world.random.choice((None, None, 1.0, 3.0))


def command(world: World) -> None:
    """Somebody trades."""
    trades = [trade for trade in world.tables.trades.values() if trade.state is TradeState.OPEN]
    orders = [one for one in world.tables.orders.values() if one.pending.state is OrderState.WORKING]
    random = world.random
    choices: list[tuple[float, Callable[[], Any]]] = [(3.0, lambda: open_market(world, _seconds(world)))]
    if len(trades) > 6:
        choices = [(0.3, choices[0][1])]
    choices.append((1.0, lambda: open_pending(world, _seconds(world))))
    if trades:
        trade = random.choice(trades)
        choices += [
            (2.0, lambda: close(world, trade)),
            (1.0, lambda: close_part(world, trade)),
            (1.2, lambda: modify(world, trade)),
            (0.3, lambda: break_even(world, trade)),
            (0.2, lambda: close_all(world)),
        ]
        if trade.position.origin.name == "EXTERNAL":
            choices.append((1.0, lambda: adopt(world, trade)))
    if orders:
        order = random.choice(orders)
        choices += [(1.0, lambda: cancel_order(world, order)), (0.8, lambda: modify_order(world, order))]
    act = random.choices([act for _, act in choices], [weight for weight, _ in choices])[0]
    act()


def open_market(world: World, seconds: float | None = None, *, levels: bool | None = None) -> Wish:
    random = world.random
    side = random.choice((Side.BUY, Side.SELL))
    symbol = random.choice(("EURUSD", "EURUSD", "GBPUSD"))
    stop: Decimal | None = None
    targets: tuple[Decimal, ...] = ()
    if random.random() < 0.5 if levels is None else levels:
        price = Decimal(world.prices[symbol]).scaleb(-5)
        away = Decimal(800 if world.profile.endures else random.choice((150, 300, 800))).scaleb(-5)
        stop, targets = price - side.sign * away, (price + side.sign * away,)
    action = Open(
        symbol, side, volume_lots=Decimal(random.choice(("0.01", "0.10", "0.30"))), stop_loss=stop,
        take_profits=targets,
    )  # fmt: skip
    caller = world.program if random.random() < 0.4 and not world.healed else world.user

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.open(_asked(world, wish), ACCOUNT, action)

    return world.wish("open", ask, caller=caller, seconds=seconds)


def open_pending(world: World, seconds: float | None = None) -> Wish:
    random = world.random
    side = random.choice((Side.BUY, Side.SELL))
    kind = random.choice((OrderType.LIMIT, OrderType.STOP))
    away = random.choice((40, 120, 400)) * side.sign * (1 if kind is OrderType.STOP else -1)
    price = Decimal(world.prices["EURUSD"] + away).scaleb(-5)
    action = Open("EURUSD", side, kind, Decimal("0.10"), price=price)

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.open(_asked(world, wish), ACCOUNT, action)

    return world.wish("place", ask, seconds=seconds)


def close(world: World, trade: Any) -> Wish:
    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.close(_asked(world, wish), trade.trade_id)

    return world.wish("close", ask, seconds=_seconds(world))


def close_part(world: World, trade: Any) -> Wish:
    lots = Decimal("0.05")

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.partial_close(_asked(world, wish), trade.trade_id, None, lots)

    return world.wish("close part", ask, seconds=_seconds(world))


def close_all(world: World) -> Wish:
    external = world.random.random() < 0.5

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.close_all(_asked(world, wish), ACCOUNT, external=external, symbol="")

    return world.wish("close all", ask, seconds=_seconds(world))


def modify(world: World, trade: Any) -> Wish:
    position = trade.position
    away = 900 if world.profile.endures else world.random.choice((150, 400, 900))
    price = world.prices[position.symbol]
    stop = Decimal(price - position.side.sign * away).scaleb(-5)
    target = Decimal(price + position.side.sign * away).scaleb(-5)
    both = world.random.random() < 0.5
    levels = Modify(0, True, stop, both, target if both else None)

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.modify(_asked(world, wish), trade.trade_id, levels)

    return world.wish("modify", ask, seconds=_seconds(world))


def break_even(world: World, trade: Any) -> Wish:
    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.break_even(_asked(world, wish), trade.trade_id)

    return world.wish("break even", ask, seconds=_seconds(world))


def adopt(world: World, trade: Any) -> Wish:
    async def ask(server: Server, wish: Wish) -> Any:
        return await server.trades.adopt(_asked(world, wish), trade.trade_id)

    return world.wish("adopt", ask, seconds=_seconds(world))


def cancel_order(world: World, order: Any) -> Wish:
    async def ask(server: Server, wish: Wish) -> Any:
        return await server.orders.cancel(_asked(world, wish), order.order_id)

    return world.wish("cancel order", ask, seconds=_seconds(world))


def modify_order(world: World, order: Any) -> Wish:
    pending = order.pending
    price = pending.price + Decimal(world.random.choice((-10, 10))).scaleb(-5)

    async def ask(server: Server, wish: Wish) -> Any:
        return await server.orders.modify(_asked(world, wish), order.order_id, ModifyOrder(0, price))

    return world.wish("modify order", ask, seconds=_seconds(world))


def cancel_command(world: World) -> None:
    """Somebody takes a command back."""
    waiting = [
        one
        for one, _ in world.tables.commands.values()
        if one.state in (CommandState.PENDING, CommandState.DELIVERED, CommandState.RUNNING) and one.user_id
    ]
    if not waiting:
        opened = command
        opened(world)
        return
    command_id = world.random.choice(waiting).command_id

    async def ask(server: Server, wish: Wish) -> Any:
        await server.commands.cancel(wish.caller, command_id, 0.0)

    world.wish("cancel command", ask)


# -- control -------------------------------------------------------------------------------------------


def rearm(world: World) -> None:
    """Somebody leads out of some of the stops that are on record."""
    wanted = world.tables.control.get(ACCOUNT)
    ids = wanted.document.stop_ids if wanted is not None else ()
    if ids:
        count = world.random.choice((1, len(ids)))
        _rearm(world, tuple(world.random.sample(sorted(ids), count)))


def rearm_all(world: World) -> None:
    """Somebody leads out of all stops."""
    _rearm(world, tuple(sorted(world.stops_wanted)))


def _rearm(world: World, ids: tuple[str, ...]) -> None:
    async def ask(server: Server, wish: Wish) -> Any:
        # From the call on it may be committed at any moment.
        world.rearm_named.update(ids)
        await server.control.rearm(wish.caller, ids, "", "all is well", "password", 1.0)

    world.wish("rearm", ask)


def _pause(paused: bool) -> Act:
    def act(world: World) -> None:
        async def ask(server: Server, wish: Wish) -> Any:
            await server.control.pause(wish.caller, ACCOUNT, paused, 1.0)

        world.wish("pause" if paused else "resume", ask)

    return act


def stealth(world: World) -> None:
    """Somebody hides or shows levels."""
    _stealth(world, world.random.random() < 0.6)


def hide(world: World) -> None:
    """Somebody hides levels."""
    _stealth(world, True)


def _stealth(world: World, hidden: bool) -> None:

    async def ask(server: Server, wish: Wish) -> Any:
        await server.control.stealth(wish.caller, ACCOUNT, hidden, 1.0)

    world.wish("stealth", ask)


def trailing(world: World) -> None:
    """Somebody wants a stop to trail."""
    trades = [trade for trade in world.tables.trades.values() if trade.state is TradeState.OPEN]
    if not trades:
        return
    trade = world.random.choice(trades)
    wanted = None
    if world.random.random() < 0.8:
        points = Decimal(world.random.choice((100, 200, 500)))
        wanted = TrailingStop(points.scaleb(-5), DistanceUnit.PRICE)

    async def ask(server: Server, wish: Wish) -> Any:
        await server.trades.set_trailing(_asked(world, wish), trade.trade_id, wanted)

    world.wish("trailing", ask)


def ladder(world: World) -> None:
    """Somebody wants parts of a trade to be closed on the way, and its stop to follow."""
    trades = [trade for trade in world.tables.trades.values() if trade.state is TradeState.OPEN]
    if not trades:
        return
    position = world.random.choice(trades).position
    price, side = world.prices[position.symbol], position.side.sign
    targets = tuple(
        LadderTarget(Decimal(price + side * away).scaleb(-5), share, move)
        for away, share, move in (
            (60, Decimal("0.3"), StopMove.STAY),
            (140, Decimal("0.3"), StopMove.BREAK_EVEN),
            (300, Decimal("0.4"), StopMove.PREVIOUS_TARGET),
        )
    )
    plan = ProtectionPlan(targets) if world.random.random() < 0.8 else None

    async def ask(server: Server, wish: Wish) -> Any:
        trade_id = trade_id_of(ACCOUNT, position.identifier)
        await server.trades.set_protection(_asked(world, wish), trade_id, plan)

    world.wish("ladder", ask)


def take_plans_back(world: World) -> None:
    """Somebody takes back what is wanted of trades."""
    for trade in world.tables.trades.values():
        if trade.state is not TradeState.OPEN:
            continue

        async def no_ladder(server: Server, wish: Wish, trade_id: str = trade.trade_id) -> Any:
            await server.trades.set_protection(_asked(world, wish), trade_id, None)

        async def no_trailing(server: Server, wish: Wish, trade_id: str = trade.trade_id) -> Any:
            await server.trades.set_trailing(_asked(world, wish), trade_id, None)

        world.wish("ladder", no_ladder)
        world.wish("trailing", no_trailing)


def sync(world: World) -> None:
    """Somebody asks for a sync."""
    dry = world.random.random() < 0.3

    async def ask(server: Server, wish: Wish) -> Any:
        await server.control.sync(wish.caller, ACCOUNT, dry_run=dry, wait_seconds=1.0)

    world.wish("sync", ask)


def drill(world: World) -> None:
    """Somebody rehearses a stop."""

    async def ask(server: Server, wish: Wish) -> Any:
        await server.control.drill(wish.caller, ACCOUNT, 1.0)

    world.wish("drill", ask)


# -- the market and other hands ------------------------------------------------------------------------


def tick(world: World) -> None:
    world.quote(world.random.choice(("EURUSD", "EURUSD", "GBPUSD")), world.random.randint(-25, 25))


def jump(world: World) -> None:
    world.quote(world.random.choice(("EURUSD", "GBPUSD")), world.random.choice((-350, -160, 160, 350)))


def wait(world: World) -> None:
    """Nothing."""


def _position(world: World) -> Any:
    positions = list(world.exchange.positions.values())
    return world.random.choice(positions) if positions else None


def close_by_hand(world: World) -> None:
    if (position := _position(world)) is not None:
        world.note(f"#{position.ticket} is closed by hand")
        world.exchange.close(position, Reason.CLIENT)


def close_part_by_hand(world: World) -> None:
    position = _position(world)
    if position is not None and position.volume_lots > Decimal("0.02"):
        world.note(f"#{position.ticket} is closed in part by hand")
        world.exchange.close(position, Reason.MOBILE, Decimal("0.01"))


def open_by_hand(world: World) -> None:
    if len(world.exchange.positions) < 8:
        side = world.random.choice((BrokerSide.BUY, BrokerSide.SELL))
        world.exchange.open_by_hand("GBPUSD", side, Decimal("0.05"))


def stop_by_hand(world: World) -> None:
    if (position := _position(world)) is not None:
        away = Decimal(world.random.choice((200, 600))).scaleb(-5)
        price = Decimal(world.prices[position.symbol]).scaleb(-5)
        world.exchange.move_levels_by_hand(position, price - position.side.value * away)


# -- bad luck ------------------------------------------------------------------------------------------


_BRIDGE_TRAPS = ("terminal asked", "broker acts", "command arrives", "outcome_ack arrives", "rearm arrives",
                 "stop arrives")  # fmt: skip
_SERVER_TRAPS = ("outcome arrives", "event arrives", "batch arrives", "receipt arrives", "stop_stage arrives",
                 "rearm_result arrives", "hello arrives")  # fmt: skip


def kill_bridge(world: World) -> None:
    world.disturb()
    random = world.random
    if random.random() < 0.5:
        world.traps.append((random.choice(_BRIDGE_TRAPS), "bridge"))
        return
    world.kill_bridge(silently=random.random() < 0.3, restart_after=random.choice((0.05, 0.5, 3.0, 9.0)))


def kill_server(world: World) -> None:
    world.disturb()
    random = world.random
    if random.random() < 0.5:
        world.traps.append((random.choice(_SERVER_TRAPS), "server"))
        return
    world.kill_server(silently=random.random() < 0.3, restart_after=random.choice((0.05, 0.5, 3.0, 9.0)))


def _cut(*controls: bool) -> Act:
    def act(world: World) -> None:
        world.disturb()
        for control in controls:
            if (pipe := world.network.newest(control)) is not None:
                world.note(f"the {pipe.up.name.split()[0]} connection is cut")
                pipe.cut()

    return act


def half_open(world: World) -> None:
    world.disturb()
    controls = world.random.choice(((False,), (True,), (False, True)))
    for control in controls:
        if (pipe := world.network.newest(control)) is not None:
            world.note(f"the {pipe.up.name.split()[0]} connection is half open")
            pipe.half_open()


def hold(world: World) -> None:
    world.disturb()
    random = world.random
    up, down = random.choice(((True, False), (False, True), (True, True)))
    for control in random.choice(((False,), (True,), (False, True))):
        if (pipe := world.network.newest(control)) is not None:
            seconds = random.choice((0.3, 1.0, 2.4, 4.0, 7.0))
            world.note(f"{pipe.up.name.split()[0]} is held for {seconds} s, up {up}, down {down}")
            pipe.hold(seconds, up=up, down=down)


def down(world: World) -> None:
    """No connection can be made for a while."""
    world.disturb()
    world.network.down = True
    seconds = world.random.choice((0.5, 3.0, 8.0))

    def over() -> None:
        world.network.down = False

    world.network.after(seconds, over)
    _cut(False, True)(world)


def slow(world: World) -> None:
    world.network.slow = world.random.choice((0.0, 0.0, 0.1, 0.6))


def _freeze(server: bool) -> Act:
    def act(world: World) -> None:
        program: Any = world.server if server else world.bridge
        if program is None or program.process.dead or program.process.frozen:
            return
        world.disturb()
        seconds = world.random.choice((0.5, 2.0, 4.0, 8.0))
        world.note(f"{program.process.name} is frozen for {seconds} s")
        process = program.process
        process.frozen = True
        if not server and world.random.random() < 0.3:
            # Its machine sleeps: what counts only waking time stands still.
            world.bridge_machine.fall_asleep()

        def thaw() -> None:
            if not server:
                world.bridge_machine.wake_up()
            if process.frozen:
                world.note(f"{process.name} goes on")
                world.loop.thaw(process)

        world.network.after(seconds, thaw)

    return act


def storage_away(world: World) -> None:
    world.disturb()
    if world.storage_away:
        return
    world.storage_away = True
    if world.server is not None:
        world.server.storage.away = True

    def back() -> None:
        world.storage_away = False
        if world.server is not None:
            world.server.storage.away = False

    world.network.after(world.random.choice((0.3, 1.5, 6.0)), back)


def disk_full(world: World) -> None:
    world.disturb()
    world.disk.full = True

    def free() -> None:
        world.disk.full = False

    world.network.after(world.random.choice((0.3, 2.0, 5.0)), free)


def terminal_down(world: World) -> None:
    world.disturb()
    bridge = world.bridge
    if bridge is None or bridge.process.dead:
        return
    bridge.terminal.set_up(False)

    def up() -> None:
        if not bridge.process.dead:
            bridge.terminal.set_up(True)

    world.network.after(world.random.choice((0.2, 1.0, 4.0)), up)


def terminal_unlinked(world: World) -> None:
    world.disturb()
    world.set_linked(False)
    world.network.after(world.random.choice((0.2, 1.0, 4.0)), lambda: world.set_linked(True))


def lag(world: World) -> None:
    # Either is shown before the other.
    world.exchange.history_lag = world.random.choice((0.0, 0.05, 0.4, 0.9))
    world.exchange.book_lag = world.random.choice((0.0, 0.0, 0.05, 0.4))


def wall_jumps(world: World) -> None:
    machine = world.random.choice((world.server_machine, world.bridge_machine))
    machine.wall_jump += world.random.choice((-3600.0, 3600.0, 5.0))


def stop(world: World) -> None:
    world.call_stop(False)


def stop_and_close(world: World) -> None:
    world.call_stop(True)


def stop_locally(world: World) -> None:
    world.stop_locally(world.random.random() < 0.3)


ACTS: dict[str, Act] = {
    "tick": tick, "jump": jump, "wait": wait, "close by hand": close_by_hand,
    "close part by hand": close_part_by_hand, "open by hand": open_by_hand, "stop by hand": stop_by_hand,
    "cut data": _cut(False), "cut control": _cut(True), "cut both": _cut(False, True),
    "half open": half_open, "hold": hold, "down": down, "slow": slow, "freeze bridge": _freeze(False),
    "freeze server": _freeze(True), "kill bridge": kill_bridge, "kill server": kill_server, "stop": stop,
    "stop and close": stop_and_close, "stop locally": stop_locally, "rearm": rearm, "pause": _pause(True),
    "resume": _pause(False), "storage away": storage_away, "disk full": disk_full,
    "terminal down": terminal_down, "terminal unlinked": terminal_unlinked, "lag": lag,
    "wall jumps": wall_jumps, "cancel command": cancel_command, "trailing": trailing, "stealth": stealth,
    "ladder": ladder,
    "sync": sync, "drill": drill,
}  # fmt: skip
