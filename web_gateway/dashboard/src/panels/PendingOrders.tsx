import { type SubmitEvent, useMemo, useState } from "react";
import { api, ask } from "../lib/api";
import type { Order } from "../lib/contract";
import { count, lots, price, words } from "../lib/format";
import { usePreferences } from "../session/preferences";
import { command } from "../store/actions";
import { accountName, useChoice } from "../store/choice";
import { openCommandOn } from "../store/live-state";
import { useLive, useLiveParts } from "../store/live-store";
import { usePending } from "../store/pending";
import { useDigits } from "../store/symbols";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { NumberField, typedNumber } from "../ui/Field";
import { Empty, Loading, Panel } from "../ui/Panel";
import { ConfirmDialog } from "./ConfirmDialog";
import { SideTag } from "./LiveTrades/TradeRow";

/** Orders that wait at the broker. */
export function PendingOrders() {
  const ready = useLive((state) => state.ready);
  const orders = useLive((state) => state.orders);
  const accounts = useLive((state) => state.accounts);
  const { accountId, shows } = useChoice();
  const digits = useDigits();
  const shown = useMemo(() => [...orders.values()].filter((order) => shows(order.accountId)), [orders, shows]);
  const named = accountId === null && accounts.size > 1;
  return (
    <Panel title="Pending orders" note={ready && shown.length > 0 ? count(shown.length, "order") : undefined}>
      {!ready ? (
        <Loading what="pending orders" />
      ) : shown.length === 0 ? (
        <Empty>No pending order.</Empty>
      ) : (
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Pending orders">
          <table className="table cards">
            <thead>
              <tr>
                <th scope="col">Symbol</th>
                <th scope="col">Type</th>
                <th scope="col" className="number">Lots</th>
                <th scope="col" className="number">Price</th>
                <th scope="col" className="number">Stop</th>
                <th scope="col" className="number">Target</th>
                <th scope="col">Expires</th>
                <th scope="col"><span className="sr">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              {shown.map((order) => (
                <OrderRow
                  key={order.orderId}
                  order={order}
                  digits={digits(order.accountId, order.symbol)}
                  account={named ? accountName(accounts.get(order.accountId)) : null}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function OrderRow({ order, digits, account }: { order: Order; digits: number | undefined; account: string | null }) {
  const { store } = useLiveParts();
  const { settings, times } = usePreferences();
  const [open, setOpen] = useState<"cancel" | "move" | null>(null);
  const name = `order ${order.orderId}`;
  const busy = usePending(name);
  const acting = useLive((state) => {
    const open = openCommandOn(state.commands, order.orderId);
    return open !== undefined && open.state !== "UNKNOWN";
  });
  const missing = order.state === "UNKNOWN_MISSING";
  const cancel = () => {
    setOpen(null);
    void command(store, { name, what: `Cancel ${order.symbol} ${words(order.type)}`, body: "cancel" }, (key) =>
      ask(
        api.DELETE("/api/orders/{orderId}", {
          params: { path: { orderId: order.orderId }, header: { "Idempotency-Key": key } },
        }),
      ),
    );
  };
  return (
    <tr data-order={order.orderId} data-ticket={order.ticket}>
      <th scope="row" data-label="Symbol">
        <span className="symbol">{order.symbol}</span> <SideTag side={order.side} />
        <div className="row-notes">
          {account !== null && <span>{account}</span>}
          {order.origin === "EXTERNAL" && <span className="tag">external</span>}
          {missing && <span className="problem-text">gone from the terminal; its end is not known</span>}
        </div>
      </th>
      <td data-label="Type">{words(order.type)}</td>
      <td data-label="Lots" className="number">
        {lots(order.remainingVolumeLots)}
        {order.remainingVolumeLots !== order.volumeLots && <div className="level-note">of {lots(order.volumeLots)}</div>}
      </td>
      <td data-label="Price" className="number">
        {price(order.price, digits)}
        {order.stopLimitPrice !== null && <div className="level-note">limit {price(order.stopLimitPrice, digits)}</div>}
      </td>
      <td data-label="Stop" className="number">
        <OrderLevel order={order} which="stopLoss" digits={digits} />
      </td>
      <td data-label="Target" className="number">
        <OrderLevel order={order} which="takeProfit" digits={digits} />
      </td>
      <td data-label="Expires">
        {order.expireBrokerTime === null ? "when cancelled" : `${times.on(order.expireBrokerTime)} (broker's time)`}
      </td>
      <td className="row-actions">
        <Button
          small
          busy={busy || acting}
          disabled={missing}
          onClick={() => (settings.confirmActions ? setOpen("cancel") : cancel())}
        >
          {busy || acting ? "Acting…" : "Cancel"}
        </Button>
        <Button small kind="quiet" disabled={missing || busy || acting} onClick={() => setOpen("move")}>
          Move…
        </Button>
        {open === "cancel" && (
          <ConfirmDialog
            title={`Cancel this ${order.symbol} order?`}
            description={`${words(order.side)} ${words(order.type)}, ${lots(order.remainingVolumeLots)} lots at ${price(order.price, digits)}, ticket ${order.ticket}.`}
            action="Cancel the order"
            onConfirm={cancel}
            onClose={() => setOpen(null)}
          />
        )}
        {open === "move" && <MoveDialog order={order} digits={digits} onClose={() => setOpen(null)} />}
      </td>
    </tr>
  );
}

/** The level that will count once the order is filled; under stealth also what the broker holds in its place. */
function OrderLevel({ order, which, digits }: { order: Order; which: "stopLoss" | "takeProfit"; digits: number | undefined }) {
  const level = order[which];
  const atBroker = which === "stopLoss" ? order.brokerStopLoss : order.brokerTakeProfit;
  const missing = which === "stopLoss" ? <span className="no-stop">no stop</span> : <span className="none">none</span>;
  const shown = level === null ? missing : price(level, digits);
  if (!order.hidden || (level === null && atBroker === null)) return shown;
  return (
    <>
      <div>{shown}</div>
      <div className="level-note">
        {[
          level !== null && level !== atBroker ? "hidden" : null,
          atBroker !== null ? `broker ${price(atBroker, digits)}` : null,
        ]
          .filter((note) => note !== null)
          .join(" · ")}
        {which === "stopLoss" && atBroker === null && (
          <>
            {" · "}
            <span className="problem-text">nothing at the broker</span>
          </>
        )}
      </div>
    </>
  );
}

function MoveDialog({ order, digits, onClose }: { order: Order; digits: number | undefined; onClose: () => void }) {
  const { store } = useLiveParts();
  const typed = (value: number | null) => (value === null ? "" : price(value, digits));
  const [before] = useState({ price: typed(order.price), stop: typed(order.stopLoss), target: typed(order.takeProfit) });
  const [now, setNow] = useState(before);
  const name = `order ${order.orderId}`;
  const busy = usePending(name);
  const problem = (text: string, needed: boolean) => {
    const value = typedNumber(text);
    if (value === undefined) return needed ? "a price is needed" : undefined;
    return value > 0 ? undefined : "must be a price above zero";
  };
  const problems = [problem(now.price, true), problem(now.stop, false), problem(now.target, false)];

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const body = {
      ...(now.price === before.price ? {} : { price: typedNumber(now.price) ?? null }),
      ...(now.stop === before.stop ? {} : { stopLoss: typedNumber(now.stop) ?? null }),
      ...(now.target === before.target ? {} : { takeProfit: typedNumber(now.target) ?? null }),
    };
    void command(store, { name, what: `Move ${order.symbol} order`, body }, (key) =>
      ask(
        api.PUT("/api/orders/{orderId}", {
          params: { path: { orderId: order.orderId }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    ).then((taken) => {
      if (taken) onClose();
    });
  };

  return (
    <Dialog title={`Move the ${order.symbol} order`} open onClose={onClose} description="An empty level is removed.">
      <form onSubmit={submit}>
        <NumberField
          label="Price"
          value={now.price}
          onChange={(event) => setNow({ ...now, price: event.target.value })}
          problem={problems[0]}
        />
        <NumberField
          label="Stop loss"
          value={now.stop}
          onChange={(event) => setNow({ ...now, stop: event.target.value })}
          problem={problems[1]}
        />
        <NumberField
          label="Take profit"
          value={now.target}
          onChange={(event) => setNow({ ...now, target: event.target.value })}
          problem={problems[2]}
        />
        <DialogActions>
          <Button onClick={onClose}>Back</Button>
          <Button
            kind="accent"
            type="submit"
            busy={busy}
            disabled={
              problems.some((each) => each !== undefined) ||
              (now.price === before.price && now.stop === before.stop && now.target === before.target)
            }
          >
            Move
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
