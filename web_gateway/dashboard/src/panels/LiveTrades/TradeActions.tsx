import { memo, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Trade } from "../../lib/contract";
import { lots } from "../../lib/format";
import { usePreferences } from "../../session/preferences";
import { command } from "../../store/actions";
import { openCommandOn } from "../../store/live-state";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { useSymbols } from "../../store/symbols";
import { Button } from "../../ui/Button";
import { Menu } from "../../ui/Menu";
import { ConfirmDialog } from "../ConfirmDialog";
import { ProtectionDialog } from "../Protection/ProtectionDialog";
import { StealthDialog } from "../Protection/StealthDialog";
import { TrailingStopDialog } from "../Protection/TrailingStopDialog";
import { ModifyDialog } from "./ModifyDialog";
import { split } from "./splitting";

type Asking = { is: "close" } | { is: "part"; percent: number } | { is: "break-even" } | { is: "adopt" };
type Open = Asking | { is: "modify" } | { is: "trailing" } | { is: "plan" } | { is: "stealth" } | null;

const FRACTIONS = [25, 50, 75];

/** What can be done with one trade. */
export const TradeActions = memo(function TradeActions({ trade, digits }: { trade: Trade; digits: number | undefined }) {
  const { store } = useLiveParts();
  const { settings } = usePreferences();
  const symbol = useSymbols(trade.accountId)?.get(trade.symbol);
  const [open, setOpen] = useState<Open>(null);
  const name = `trade ${trade.tradeId}`;
  const busy = usePending(name);
  const acting = useLive((state) => {
    const open = openCommandOn(state.commands, trade.tradeId);
    return open !== undefined && open.state !== "UNKNOWN";
  });
  const path = { tradeId: trade.tradeId };
  const title = `${trade.symbol} ${lots(trade.volumeLots)}`;

  const act = (asking: Asking) => {
    setOpen(null);
    switch (asking.is) {
      case "close":
        void command(store, { name, what: `Close ${title}`, body: "close" }, (key) =>
          ask(api.POST("/api/trades/{tradeId}/close", { params: { path, header: { "Idempotency-Key": key } }, body: {} })),
        );
        break;
      case "part":
        void command(store, { name, what: `Close ${asking.percent} % of ${title}`, body: asking }, (key) =>
          ask(
            api.POST("/api/trades/{tradeId}/partial-close", {
              params: { path, header: { "Idempotency-Key": key } },
              body: { percentage: asking.percent },
            }),
          ),
        );
        break;
      case "break-even":
        void command(store, { name, what: `Break-even for ${title}`, body: "break-even" }, (key) =>
          ask(
            api.POST("/api/trades/{tradeId}/break-even", { params: { path, header: { "Idempotency-Key": key } }, body: {} }),
          ),
        );
        break;
      case "adopt":
        void command(store, { name, what: `Adopt ${title}`, body: "adopt" }, (key) =>
          ask(api.POST("/api/trades/{tradeId}/adopt", { params: { path, header: { "Idempotency-Key": key } }, body: {} })),
        );
        break;
    }
  };
  const wish = (asking: Asking) => (settings.confirmActions ? setOpen(asking) : act(asking));

  const parts = FRACTIONS.map((percent) => ({ percent, ...split(trade.volumeLots, percent, symbol) }));
  const half = parts.find((each) => each.percent === 50);
  const external = trade.origin === "EXTERNAL";
  const missing = trade.state === "UNKNOWN_MISSING";

  return (
    <>
      <Button small busy={busy || acting} disabled={missing} onClick={() => wish({ is: "close" })}>
        {busy || acting ? "Acting…" : "Close"}
      </Button>
      <Button
        small
        kind="quiet"
        disabled={busy || acting || missing || half?.unavailable !== undefined}
        title={half?.unavailable}
        onClick={() => wish({ is: "part", percent: 50 })}
      >
        50 %
      </Button>
      <Menu
        label={`More for ${title}`}
        trigger="⋯"
        items={[
          ...(external
            ? [
                { label: "Adopt…", onSelect: () => setOpen({ is: "adopt" }) },
                {
                  label: "Levels, ladder, trailing stop",
                  unavailable: "it was opened outside: adopt it first",
                  onSelect: () => undefined,
                },
              ]
            : [
                { label: "Modify levels…", onSelect: () => setOpen({ is: "modify" }) },
                { label: "Ladder and break-even…", onSelect: () => setOpen({ is: "plan" }) },
                { label: "Trailing stop…", onSelect: () => setOpen({ is: "trailing" }) },
                { label: "Hide or show levels…", onSelect: () => setOpen({ is: "stealth" }) },
                { label: "Break-even now", onSelect: () => wish({ is: "break-even" }) },
              ]),
          null,
          ...parts.map(({ percent, part, unavailable }) => ({
            label: `Close ${percent} % (${lots(part)} lots)`,
            unavailable,
            onSelect: () => wish({ is: "part", percent }),
          })),
        ].map((item) => (item === null || !missing ? item : { ...item, unavailable: "its position is gone" }))}
      />
      {open?.is === "close" && (
        <ConfirmDialog
          title={`Close ${trade.symbol}?`}
          description={`${trade.side === "BUY" ? "Buy" : "Sell"} ${lots(trade.volumeLots)} lots, ticket ${trade.ticket}, at the market.`}
          action="Close trade"
          onConfirm={() => act(open)}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.is === "part" && (
        <ConfirmDialog
          title={`Close ${open.percent} % of ${trade.symbol}?`}
          description={`About ${lots(split(trade.volumeLots, open.percent, symbol).part)} of ${lots(trade.volumeLots)} lots, rounded down to the volume step.`}
          action={`Close ${open.percent} %`}
          onConfirm={() => act(open)}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.is === "break-even" && (
        <ConfirmDialog
          title={`Break-even for ${trade.symbol}?`}
          description="The stop moves, once, to where leaving costs nothing: spread, commission and swap included."
          action="Move the stop"
          onConfirm={() => act(open)}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.is === "adopt" && (
        <ConfirmDialog
          title={`Adopt ${trade.symbol}?`}
          description="SignalOS then manages this position, which was opened outside."
          action="Adopt"
          onConfirm={() => act(open)}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.is === "modify" && <ModifyDialog trade={trade} digits={digits} onClose={() => setOpen(null)} />}
      {open?.is === "plan" && <ProtectionDialog trade={trade} digits={digits} onClose={() => setOpen(null)} />}
      {open?.is === "stealth" && <StealthDialog trade={trade} onClose={() => setOpen(null)} />}
      {open?.is === "trailing" && <TrailingStopDialog trade={trade} onClose={() => setOpen(null)} />}
    </>
  );
});
