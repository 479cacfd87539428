"""The process that owns the `MetaTrader5` module: `python -m signalos_bridge.terminal.child`.

It answers one call at a time from its parent and looks at the terminal in between. It ends when its parent
does. A thread reads the pipe, since a pipe cannot be waited for together with a clock on every system.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time
from typing import Any, BinaryIO

from signalos_bridge.domain.outcomes import NotSent, not_sent
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.dealing import Dealer, Submission
from signalos_bridge.terminal.exit_codes import MODULE_UNUSABLE
from signalos_bridge.terminal.frames import (
    Beat,
    Call,
    FromChild,
    Named,
    Numbered,
    Rebind,
    Reply,
    Rewatch,
    Span,
    Start,
    Submit,
    ToChild,
    Trade,
)
from signalos_bridge.terminal.look import Look
from signalos_bridge.terminal.metatrader5 import CallFailed, MetaTrader5, ModuleUnusable, load_module
from signalos_bridge.terminal.port import PositionsChanged, StatusChanged, TerminalChange
from signalos_bridge.terminal.status import status_without_terminal

log = logging.getLogger("signalos_bridge.terminal.child")

BEAT_SECONDS = 0.25
# How long a call that runs when the parent is gone may take to come back before the process ends regardless.
_ORPHAN_SECONDS = 2.0
_NO_TERMINAL = -10004

Inbox = queue.SimpleQueue[ToChild | None]


class Child:
    """Serves calls and looks at the terminal, on one thread."""

    def __init__(self, start: Start, inbox: Inbox, output: BinaryIO) -> None:
        self._inbox = inbox
        self._output = output
        self._terminal = MetaTrader5(load_module(start.adapter.module), start.adapter)
        self._terminal.bound = start.account
        self._dealer = Dealer(self._terminal)
        self._look = Look(
            self._terminal,
            start.poll,
            start.watch,
            emit=self._tell,
            announce=self._announce,
            attach_seconds=start.adapter.initialize_timeout_ms / 1000,
            utc_offset_seconds=start.utc_offset_seconds,
        )
        self._look.begin_again(start.reason)
        self._beat_at = 0.0
        self._told_by_answer = False
        self._running = True

    def run(self) -> None:
        """Serve until the parent says stop, or is gone."""
        self._announce(0.0)
        look_at = time.monotonic()
        while self._running:
            wait = look_at - time.monotonic()
            try:
                frame = self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait()
            except queue.Empty:
                pass
            else:
                if self._serve(frame):
                    # What an order has changed is looked for at once.
                    look_at = time.monotonic()
                if time.monotonic() < look_at:
                    continue
            self._look_once()
            if self._look.hopeless:
                log.error("the terminal stays out of reach; a new process shall try")
                return
            look_at = time.monotonic() + self._look.interval_seconds

    def _look_once(self) -> None:
        for _ in self._look.poll():
            while self._running and not self._inbox.empty():
                self._serve(self._inbox.get_nowait())
            if not self._running:
                return
        now = time.monotonic()
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            self._send(Beat(self._look.last_read_at, self._look.attached))

    def _serve(self, frame: ToChild | None) -> bool:
        """Do what a frame says; return whether it may have changed something at the broker."""
        match frame:
            case Call(name="submit"):
                self._told_by_answer = False
                answer = self._answer(frame)
                # What was read before this order is not told after it.
                self._look.order_made()
                self._send(answer)
                return not self._told_by_answer
            case Call():
                self._send(self._answer(frame))
            case Rebind(account):
                self._terminal.bound = account
                self._look.begin_again("an account was bound")
            case Rewatch(watch, reason):
                self._look.watch(watch)
                if reason is not None:
                    self._look.begin_again(reason)
            case _:
                self._running = False
        return False

    def _answer(self, call: Call) -> Reply:
        try:
            if not self._look.attached:
                code, text = self._look.error or (_NO_TERMINAL, "No IPC connection")
                if call.name == "submit":
                    return Reply(call.number, frames.raw(frames.submitted_of(_unreachable(code, text))))
                return Reply(call.number, error=f"no terminal: {code} {text}", error_code=code)
            return Reply(call.number, frames.raw(self._call(call, frames.arguments_of(call))))
        except CallFailed as failure:
            return Reply(call.number, error=str(failure), error_code=failure.code)
        except Exception as error:
            # The outermost edge of this process. `submit` raises nothing once the order may be out.
            log.exception("call %s failed", call.name)
            return Reply(call.number, error=f"{type(error).__name__}: {error}")

    def _call(self, call: Call, arguments: Any) -> Any:
        terminal = self._terminal
        match call.name, arguments:
            case "submit", Submit():
                submission = self._dealer.submit(frames.order_of(arguments), latched=call.latched)
                if (shown := submission.shown) is not None and self._look.begun:
                    self._told_by_answer = True
                    changed = () if shown.position is None else (shown.position,)
                    gone = (shown.ticket,) if shown.position is None else ()
                    self._look.told_beside(shown.ticket)
                    # It goes together with the answer: one write, and one turn of the parent's loop.
                    self._write(frames.changed_of(PositionsChanged(changed, gone, False, shown.at)))
                return frames.submitted_of(submission)
            case "check", Submit():
                return self._dealer.check(frames.order_of(arguments))
            case "facts", _:
                return self._look.facts()
            case "positions", _:
                return terminal.positions()
            case "orders", _:
                return terminal.orders()
            case "account", _:
                return terminal.account()
            case "symbols_total", _:
                return terminal.symbols_total()
            case "position", Numbered(number):
                return terminal.position(number)
            case "deals_of_position", Numbered(number):
                return terminal.deals_of_position(number)
            case "history_order", Numbered(number):
                return terminal.history_order(number)
            case "deals", Span(from_msc, to_msc, magic):
                deals = terminal.deals(from_msc, to_msc)
                return deals if magic is None else tuple(deal for deal in deals if deal.magic == magic)
            case "history_orders", Span(from_msc, to_msc, magic):
                orders = terminal.history_orders(from_msc, to_msc)
                return orders if magic is None else tuple(found for found in orders if found.magic == magic)
            case "deals_count", Span(from_msc, to_msc):
                return terminal.deals_count(from_msc, to_msc)
            case "symbol", Named(str(name)):
                return terminal.symbol(name)
            case "tick", Named(str(name)):
                return terminal.tick(name)
            case "symbols", Named(name):
                return terminal.symbols(name)
            case "calc_margin", Trade():
                return terminal.calc_margin(
                    arguments.symbol, arguments.side, arguments.volume_lots, arguments.price
                )
            case "calc_profit", Trade(close_price=close_price) if close_price is not None:
                return terminal.calc_profit(
                    arguments.symbol, arguments.side, arguments.volume_lots, arguments.price, close_price
                )
            case _:
                raise ValueError(f"call {call.name!r} with {type(arguments).__name__}")

    def _tell(self, change: TerminalChange) -> None:
        self._send(frames.changed_of(change))

    def _announce(self, busy_seconds: float) -> None:
        self._beat_at = time.monotonic()
        self._send(Beat(self._look.last_read_at, self._look.attached, busy_seconds))

    def _send(self, frame: FromChild) -> None:
        self._write(frame)
        self._output.flush()

    def _write(self, frame: FromChild) -> None:
        """Let a frame wait for the next one that is sent."""
        self._output.write(frames.pack(frame))

    def close(self) -> None:
        """Let go of the terminal."""
        if self._look.attached:
            self._terminal.detach()


def _unreachable(code: int, text: str) -> Submission:
    """Return what becomes of an order while there is no terminal: nothing, certainly."""
    return Submission(not_sent(NotSent.TERMINAL_DOWN, f"{code} {text}"))


def _read_frames(source: BinaryIO, inbox: Inbox) -> None:
    while True:
        body = frames.read_frame(source)
        if body is None:
            break
        frame = frames.to_child_decoder.decode(body)
        inbox.put(frame)
        if isinstance(frame, frames.Stop):
            return
    inbox.put(None)
    # The parent is gone: nobody can be told how a running call ends.
    time.sleep(_ORPHAN_SECONDS)
    os._exit(3)


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for frames alone, and let whatever else is printed go to the log."""
    source = os.fdopen(os.dup(0), "rb")
    output = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, output


def main() -> int:
    """Run until the parent says stop, or is gone."""
    # Ctrl-C reaches every process of a terminal. Only the parent may end this one, not in mid-order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    source, output = _take_standard_streams()
    first = frames.read_frame(source)
    if first is None:
        return 0
    start = frames.to_child_decoder.decode(first)
    if not isinstance(start, Start):
        raise TypeError(f"the first frame is {type(start).__name__}")
    inbox: Inbox = queue.SimpleQueue()
    try:
        child = Child(start, inbox, output)
    except ModuleUnusable as error:
        log.debug("the module that speaks to the terminal cannot be used", exc_info=True)
        status = status_without_terminal(text=str(error))
        output.write(frames.pack(frames.changed_of(StatusChanged(status, time.monotonic()))))
        output.flush()
        return MODULE_UNUSABLE
    threading.Thread(target=_read_frames, args=(source, inbox), name="pipe", daemon=True).start()
    try:
        child.run()
        child.close()
    except BrokenPipeError:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
