import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Trade, TradeWishes } from "../../lib/contract";
import { lots, money, price } from "../../lib/format";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { useSymbols } from "../../store/symbols";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { typedNumber } from "../../ui/Field";
import { Failed, Loading } from "../../ui/Panel";
import { moneyAt } from "../LiveTrades/level-rules";
import {
  draftOfKept,
  draftOfPlan,
  type PlanDraft,
  type PlanProblems,
  planOf,
  refusedFields,
  type TargetDraft,
} from "./plan-draft";
import { PlanFields } from "./PlanFields";
import { usePolicy, useWishes } from "./wishes";

interface Props {
  trade: Trade;
  digits: number | undefined;
  onClose: () => void;
}

/** Sets or takes away the ladder and the move to break-even of a trade. */
export function ProtectionDialog({ trade, digits, onClose }: Props) {
  const wishes = useWishes(trade.tradeId);
  return (
    <Dialog
      title={`Ladder and break-even of ${trade.symbol}`}
      description={`${trade.side === "BUY" ? "Bought" : "Sold"} ${lots(trade.volumeLots)} at ${price(trade.openPrice, digits)}. The bridge keeps to this by itself, with everything else away.`}
      open
      onClose={onClose}
      wide
    >
      {wishes.isPending ? (
        <Loading what="what is wanted" />
      ) : wishes.isError ? (
        <Failed what="What is wanted" error={wishes.error} onRetry={() => void wishes.refetch()} />
      ) : (
        <PlanForm trade={trade} digits={digits} wishes={wishes.data} onClose={onClose} />
      )}
    </Dialog>
  );
}

function firstDraft(trade: Trade, wishes: TradeWishes | null, digits: number | undefined): PlanDraft {
  const waits = wishes !== null && wishes.protectionRevision > wishes.appliedRevision;
  return waits ? draftOfPlan(wishes.protection, digits) : draftOfKept(trade.protection, digits);
}

function PlanForm({ trade, digits, wishes, onClose }: Props & { wishes: TradeWishes | null }) {
  const quote = useLive((state) => state.quotes.get(trade.tradeId));
  const currency = useLive((state) => state.accounts.get(trade.accountId)?.currency ?? "");
  const symbol = useSymbols(trade.accountId)?.get(trade.symbol);
  const [before] = useState(() => firstDraft(trade, wishes, digits));
  const [draft, setDraft] = useState(before);
  const [refused, setRefused] = useState<PlanProblems>({});
  const name = `protection ${trade.tradeId}`;
  const busy = usePending(name);
  const policy = usePolicy(trade.tradeId);
  const wanted = trade.protection !== null || (wishes !== null && wishes.protection !== null);
  const begun = trade.protection?.steps.some((step) => step.state !== "WAITING") ?? false;

  const scene = { side: trade.side, market: quote?.currentPrice ?? null, risk: trade.initialStopLoss !== null };
  const { plan, problems, left } = planOf(draft, scene);
  const shown = { ...refused, ...problems };
  const empty = draft.targets.length === 0 && draft.breakEven === null;

  const send = (wish: typeof plan) => {
    if (wish === null) return;
    const removes = wish.targets.length === 0 && wish.breakEven === null;
    setRefused({});
    void policy(
      { name, what: `Ladder and break-even of ${trade.symbol}`, body: wish },
      removes ? "taken away" : "set",
      (key) =>
        ask(
          api.POST("/api/trades/{tradeId}/protection", {
            params: { path: { tradeId: trade.tradeId }, header: { "Idempotency-Key": key } },
            body: { plan: removes ? null : wish },
          }),
        ),
      (error) => {
        const fields = refusedFields(error.problem.errors);
        setRefused(fields);
        return Object.keys(fields).length > 0;
      },
    ).then((taken) => {
      if (taken) onClose();
    });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    send(plan);
  };
  const note = (target: TargetDraft) => {
    const level = typedNumber(target.price);
    const share = typedNumber(target.share);
    if (level === undefined || share === undefined) return null;
    const gain = moneyAt(trade, level, symbol);
    const worth = gain === null || !(share > 0) ? "" : `, about ${money((gain * share) / 100, currency)} before costs`;
    return Number.isFinite(share) ? `about ${lots(Number(((trade.volumeLots * share) / 100).toFixed(3)))} lots${worth}` : null;
  };

  return (
    <form onSubmit={submit}>
      {begun && (
        <p className="notice">
          Some of it is done already, and stays done. Below is what is left; its shares are of what is open when the next
          target is reached.
        </p>
      )}
      <PlanFields
        draft={draft}
        problems={shown}
        left={left}
        currency={currency}
        note={note}
        onChange={(next) => {
          setRefused({});
          setDraft(next);
        }}
      />
      <p className="quiet-text">
        Now {price(quote?.currentPrice, digits)}. Shares are rounded to the lot step; what rounding leaves goes to the nearest
        targets.
      </p>
      <DialogActions>
        {wanted && (
          <Button busy={busy} onClick={() => send({ targets: [], breakEven: null })}>
            Take away
          </Button>
        )}
        <Button onClick={onClose}>Back</Button>
        <Button kind="accent" type="submit" busy={busy} disabled={plan === null || empty || draft === before}>
          Set
        </Button>
      </DialogActions>
    </form>
  );
}
