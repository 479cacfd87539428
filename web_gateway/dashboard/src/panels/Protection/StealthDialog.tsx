import { useState } from "react";
import { api, ask } from "../../lib/api";
import type { Trade, TradeWishes } from "../../lib/contract";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { Failed, Loading } from "../../ui/Panel";
import { usePolicy, useWishes } from "./wishes";

interface Props {
  trade: Trade;
  onClose: () => void;
}

type Wanted = "account" | "hidden" | "shown";

/** Hides or shows the levels of one trade, whatever its account does. */
export function StealthDialog({ trade, onClose }: Props) {
  const wishes = useWishes(trade.tradeId);
  return (
    <Dialog
      title={`Who sees the levels of ${trade.symbol}`}
      description="Hidden levels are kept and acted upon by the bridge; the broker holds a disaster stop behind them."
      open
      onClose={onClose}
    >
      {wishes.isPending ? (
        <Loading what="what is wanted" />
      ) : wishes.isError ? (
        <Failed what="What is wanted" error={wishes.error} onRetry={() => void wishes.refetch()} />
      ) : (
        <StealthForm trade={trade} wishes={wishes.data} onClose={onClose} />
      )}
    </Dialog>
  );
}

export function wantedStealth(wishes: TradeWishes | null): Wanted {
  if (wishes === null || wishes.stealth === null) return "account";
  return wishes.stealth ? "hidden" : "shown";
}

function StealthForm({ trade, wishes, onClose }: Props & { wishes: TradeWishes | null }) {
  const account = useLive((state) => state.trading.get(trade.accountId)?.wanted?.stealth);
  const set = wantedStealth(wishes);
  const [wanted, setWanted] = useState<Wanted>(set);
  const name = `stealth ${trade.tradeId}`;
  const busy = usePending(name);
  const policy = usePolicy(trade.tradeId);
  const OPTIONS: readonly (readonly [Wanted, string])[] = [
    ["account", `As the account (${account === undefined ? "not known" : account ? "hidden" : "shown"})`],
    ["hidden", "Hidden"],
    ["shown", "Shown"],
  ];
  const send = () => {
    const body = wanted === "account" ? {} : { stealthMode: wanted === "hidden" };
    void policy({ name, what: `Levels of ${trade.symbol}`, body }, wanted === "account" ? "as the account's" : wanted, (key) =>
      ask(
        api.POST("/api/trades/{tradeId}/stealth", {
          params: { path: { tradeId: trade.tradeId }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    ).then((taken) => {
      if (taken) onClose();
    });
  };
  return (
    <>
      <div className="segments" role="group" aria-label="Levels">
        {OPTIONS.map(([value, words]) => (
          <button key={value} type="button" aria-pressed={wanted === value} onClick={() => setWanted(value)}>
            {words}
          </button>
        ))}
      </div>
      <p className="quiet-text">
        Now they are {trade.hidden ? "hidden" : "shown"}. They are moved at the broker after the bridge has applied this; the
        trade's row shows when.
      </p>
      <DialogActions>
        <Button onClick={onClose}>Back</Button>
        <Button kind="accent" busy={busy} disabled={wanted === set} onClick={send}>
          Set
        </Button>
      </DialogActions>
    </>
  );
}
