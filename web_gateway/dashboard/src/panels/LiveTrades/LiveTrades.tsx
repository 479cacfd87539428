import { useMemo } from "react";
import { count } from "../../lib/format";
import { accountName, useChoice } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { useDigits } from "../../store/symbols";
import { Empty, Loading, Panel } from "../../ui/Panel";
import { CloseAll } from "./CloseAll";
import { TradeRow } from "./TradeRow";
import { TotalProfit } from "./TotalProfit";

/** Open trades, each with its price, profit and their age. */
export function LiveTrades() {
  const ready = useLive((state) => state.ready);
  const trades = useLive((state) => state.trades);
  const accounts = useLive((state) => state.accounts);
  const { accountId, shows } = useChoice();
  const digits = useDigits();
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
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Open trades">
          <table className="table cards trades-table">
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
            <tbody>
              {shown.map((trade) => (
                <TradeRow
                  key={trade.tradeId}
                  trade={trade}
                  digits={digits(trade.accountId, trade.symbol)}
                  account={named ? accountName(accounts.get(trade.accountId)) : null}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
