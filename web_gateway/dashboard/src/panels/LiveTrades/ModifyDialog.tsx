import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Trade } from "../../lib/contract";
import { money, price } from "../../lib/format";
import { command } from "../../store/actions";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { useSymbols } from "../../store/symbols";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { NumberField, typedNumber } from "../../ui/Field";
import { levelProblem, moneyAt } from "./level-rules";

interface Props {
  trade: Trade;
  digits: number | undefined;
  onClose: () => void;
}

const typed = (level: number | null, digits: number | undefined) => (level === null ? "" : price(level, digits));

/** Sets or removes the levels of a trade; shows what the stop would cost. */
export function ModifyDialog({ trade, digits, onClose }: Props) {
  const { store } = useLiveParts();
  const quote = useLive((state) => state.quotes.get(trade.tradeId));
  const currency = useLive((state) => state.accounts.get(trade.accountId)?.currency ?? "");
  const symbol = useSymbols(trade.accountId)?.get(trade.symbol);
  const [before] = useState({ stop: typed(trade.stopLoss, digits), target: typed(trade.takeProfit, digits) });
  const [stopText, setStop] = useState(before.stop);
  const [targetText, setTarget] = useState(before.target);
  const name = `trade ${trade.tradeId}`;
  const busy = usePending(name);

  const stopLoss = typedNumber(stopText);
  const takeProfit = typedNumber(targetText);
  const now = quote?.currentPrice ?? null;
  const stopProblem = levelProblem("stopLoss", trade.side, stopLoss, now);
  const targetProblem = levelProblem("takeProfit", trade.side, takeProfit, now);
  const atStop = stopLoss === undefined ? null : moneyAt(trade, stopLoss, symbol);
  const atTarget = takeProfit === undefined ? null : moneyAt(trade, takeProfit, symbol);
  const unchanged = stopText === before.stop && targetText === before.target;

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    // Only what was changed is named: what is named and empty is removed, what is not named stays.
    const body = {
      ...(stopText === before.stop ? {} : { stopLoss: stopLoss ?? null }),
      ...(targetText === before.target ? {} : { takeProfit: takeProfit ?? null }),
    };
    void command(store, { name, what: `Modify ${trade.symbol}`, body }, (key) =>
      ask(
        api.PUT("/api/trades/{tradeId}/modify", {
          params: { path: { tradeId: trade.tradeId }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    ).then((taken) => {
      if (taken) onClose();
    });
  };

  return (
    <Dialog
      title={`Levels of ${trade.symbol}`}
      description={`${trade.side === "BUY" ? "Bought" : "Sold"} at ${price(trade.openPrice, digits)}, now ${price(now, digits)}. Empty removes a level.`}
      open
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <NumberField
          label="Stop loss"
          value={stopText}
          onChange={(event) => setStop(event.target.value)}
          problem={stopProblem}
          hint={
            stopLoss === undefined
              ? "Without a stop the loss is not bounded."
              : atStop === null
                ? "What it would mean in money is not known."
                : `About ${money(atStop, currency)} there, before costs.`
          }
        />
        <NumberField
          label="Take profit"
          value={targetText}
          onChange={(event) => setTarget(event.target.value)}
          problem={targetProblem}
          hint={takeProfit === undefined || atTarget === null ? undefined : `About ${money(atTarget, currency)} there, before costs.`}
        />
        {trade.hidden && (
          <p className="quiet-text">These levels are hidden from the broker; the disaster stop follows by itself.</p>
        )}
        <DialogActions>
          <Button onClick={onClose}>Back</Button>
          <Button
            kind="accent"
            type="submit"
            busy={busy}
            disabled={unchanged || stopProblem !== undefined || targetProblem !== undefined}
          >
            Modify
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
