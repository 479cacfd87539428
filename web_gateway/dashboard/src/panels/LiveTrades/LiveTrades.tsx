import { useCallback, useMemo, useRef, useState } from "react";
import type { Trade } from "../../lib/contract";
import { count } from "../../lib/format";
import { accountName, useChoice } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { useDigits } from "../../store/symbols";
import { Empty, Loading, Panel } from "../../ui/Panel";
import { useRowWindow } from "../../ui/row-window";
import { CloseAll } from "./CloseAll";
import { COLUMNS, TradeRow } from "./TradeRow";
import { TotalProfit } from "./TotalProfit";

/** Open trades, each with its price, profit and their age. */
export function LiveTrades() {
  const ready = useLive((state) => state.ready);
  const trades = useLive((state) => state.trades);
  const accounts = useLive((state) => state.accounts);
  const { accountId, shows } = useChoice();
  const shown = useMemo(
    () =>
      [...trades.values()]
        .filter((trade) => shows(trade.accountId))
        .sort((a, b) => (b.openBrokerTime ?? "").localeCompare(a.openBrokerTime ?? "") || a.tradeId.localeCompare(b.tradeId)),
    [trades, shows],
  );
  const named = accountId === null && accounts.size > 1;
  return (
    <Panel
      title="Open trades"
      className="live-trades"
      note={ready && shown.length > 0 ? <>{count(shown.length, "trade")} <TotalProfit trades={shown} /></> : undefined}
      actions={shown.length > 0 ? <CloseAll trades={shown} /> : undefined}
    >
      {!ready ? (
        <Loading what="open trades" />
      ) : shown.length === 0 ? (
        <Empty>No open trade.</Empty>
      ) : (
        <TradesTable trades={shown} named={named} />
      )}
    </Panel>
  );
}

function TradesTable({ trades, named }: { trades: readonly Trade[]; named: boolean }) {
  const accounts = useLive((state) => state.accounts);
  const digits = useDigits();
  const table = useRef<HTMLTableElement>(null);
  const keys = useMemo(() => trades.map((trade) => trade.tradeId), [trades]);
  const { parts, many, measure, keep } = useRowWindow(keys, table);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const onOpen = useCallback(
    (tradeId: string, open: boolean) =>
      setOpened((now) => new Set(open ? [...now, tradeId] : [...now].filter((each) => each !== tradeId))),
    [],
  );
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Open trades">
      <table ref={table} className="table cards trades-table" aria-rowcount={many ? trades.length + 1 : undefined}>
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col" className="number">Lots</th>
            <th scope="col" className="number">Open</th>
            <th scope="col" className="number">Now</th>
            <th scope="col" className="number">Stop loss</th>
            <th scope="col" className="number">Take profit</th>
            <th scope="col" className="number">Profit</th>
            <th scope="col" className="number">Age</th>
            <th scope="col"><span className="sr">Actions</span></th>
          </tr>
        </thead>
        {parts.map((part) => {
          if (!("row" in part)) return <Space key={`after ${part.after}`} height={part.space} />;
          const trade = trades[part.row];
          return (
            trade !== undefined && (
              <TradeRow
                key={trade.tradeId}
                trade={trade}
                digits={digits(trade.accountId, trade.symbol)}
                account={named ? accountName(accounts.get(trade.accountId)) : null}
                index={part.row}
                numbered={many}
                open={opened.has(trade.tradeId)}
                onOpen={onOpen}
                onUse={keep}
                measure={measure}
              />
            )
          );
        })}
      </table>
    </div>
  );
}

/** Where rows are that nobody sees now. */
function Space({ height }: { height: number }) {
  return (
    <tbody className="space" aria-hidden="true">
      <tr>
        <td colSpan={COLUMNS} style={{ height }} />
      </tr>
    </tbody>
  );
}
