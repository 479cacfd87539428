import type { Trade } from "../../lib/contract";
import { useLive } from "../../store/live-store";
import { useNow } from "../../store/now";
import { readAge } from "../../store/live-state";
import { freshness } from "../../ui/Age";
import { Profit } from "../../ui/Profit";

/** The sum of the profits shown; not known where one of them is not, or where currencies differ. */
export function TotalProfit({ trades }: { trades: readonly Trade[] }) {
  const quotes = useLive((state) => state.quotes);
  const accounts = useLive((state) => state.accounts);
  const chains = useLive((state) => state.chains);
  const heartbeatAt = useLive((state) => state.heartbeatAt);
  const now = useNow();
  const currencies = new Set(trades.map((trade) => accounts.get(trade.accountId)?.currency));
  if (currencies.size !== 1) return null;
  let sum: number | null = 0;
  let stale = false;
  for (const trade of trades) {
    const quote = quotes.get(trade.tradeId);
    sum = sum === null || quote === undefined || quote.profit === null ? null : sum + quote.profit;
    stale ||= freshness(readAge(quote, chains.get(trade.accountId)?.terminalAgeSeconds, heartbeatAt, now)) !== "fresh";
  }
  const [currency] = currencies;
  return (
    <span className="total">
      <Profit value={sum} stale={stale} /> {sum !== null && currency}
    </span>
  );
}
