import { useInfiniteQuery } from "@tanstack/react-query";
import { api, ask } from "../lib/api";
import { csv, download } from "../lib/csv";
import type { Trade } from "../lib/contract";
import { count, lots, price, words } from "../lib/format";
import { useTimes } from "../session/preferences";
import { change } from "../store/actions";
import { accountName, useChoice } from "../store/choice";
import { useLive } from "../store/live-store";
import { usePending } from "../store/pending";
import { TRADES } from "../store/queries";
import { useDigits } from "../store/symbols";
import { Button } from "../ui/Button";
import { Empty, Failed, Loading, Panel } from "../ui/Panel";
import { Profit } from "../ui/Profit";
import { SideTag } from "./LiveTrades/TradeRow";

const PAGE = 50;
const EXPORT_PAGE = 500;

async function page(accountId: string | null, pageToken: string, pageSize: number) {
  return ask(
    api.GET("/api/trades", { params: { query: { accountId: accountId ?? "", state: "CLOSED", pageToken, pageSize } } }),
  );
}

/** Closed trades, newest first; all of them as CSV. */
export function History() {
  const { accountId } = useChoice();
  const accounts = useLive((state) => state.accounts);
  const times = useTimes();
  const digits = useDigits();
  const exporting = usePending("export");
  const list = useInfiniteQuery({
    queryKey: [TRADES, "closed", accountId],
    queryFn: ({ pageParam }) => page(accountId, pageParam, PAGE),
    initialPageParam: "",
    getNextPageParam: (last) => (last.nextPageToken === "" ? undefined : last.nextPageToken),
  });
  const trades = list.data?.pages.flatMap((each) => each.trades) ?? [];

  const exportAll = () =>
    void change("export", "Export", async () => {
      const all: Trade[] = [];
      let token = "";
      do {
        const next = await page(accountId, token, EXPORT_PAGE);
        all.push(...next.trades);
        token = next.nextPageToken;
      } while (token !== "");
      download("signalos-history.csv", asCsv(all, (id) => accountName(accounts.get(id))));
    });

  return (
    <Panel
      title="History"
      note={trades.length > 0 ? count(trades.length, "trade") + (list.hasNextPage ? " shown, more below" : "") : undefined}
      actions={
        <Button small busy={exporting} disabled={trades.length === 0} onClick={exportAll}>
          Export all as CSV
        </Button>
      }
    >
      {list.isPending ? (
        <Loading what="history" />
      ) : list.isError ? (
        <Failed what="History" error={list.error} onRetry={() => void list.refetch()} />
      ) : trades.length === 0 ? (
        <Empty>No trade has closed yet.</Empty>
      ) : (
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Closed trades">
          <table className="table cards">
            <thead>
              <tr>
                <th scope="col">Symbol</th>
                <th scope="col" className="number">Lots</th>
                <th scope="col" className="number">Open</th>
                <th scope="col" className="number">Close</th>
                <th scope="col" className="number">Realised</th>
                <th scope="col">Closed by</th>
                <th scope="col">Opened</th>
                <th scope="col">Closed</th>
              </tr>
            </thead>
            <tbody>
              {trades.map((trade) => {
                const decimals = digits(trade.accountId, trade.symbol);
                return (
                  <tr key={trade.tradeId} data-trade={trade.tradeId}>
                    <th scope="row" data-label="Symbol">
                      <span className="symbol">{trade.symbol}</span> <SideTag side={trade.side} />{" "}
                      {trade.origin === "EXTERNAL" && <span className="tag">external</span>}
                      {accountId === null && accounts.size > 1 && (
                        <div className="row-notes">{accountName(accounts.get(trade.accountId))}</div>
                      )}
                    </th>
                    <td data-label="Lots" className="number">{lots(trade.openedVolumeLots)}</td>
                    <td data-label="Open" className="number">{price(trade.openPrice, decimals)}</td>
                    <td data-label="Close" className="number">{price(trade.closePrice, decimals)}</td>
                    <td data-label="Realised" className="number">
                      <Profit value={trade.realisedProfit} />
                    </td>
                    <td data-label="Closed by">{trade.closeCause === "UNSPECIFIED" ? "unknown" : words(trade.closeCause)}</td>
                    <td data-label="Opened">{brokerOr(trade.openTime, trade.openBrokerTime, times.on.bind(times))}</td>
                    <td data-label="Closed">{brokerOr(trade.closeTime, trade.closeBrokerTime, times.on.bind(times))}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {list.hasNextPage && (
        <Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Older
        </Button>
      )}
    </Panel>
  );
}

/** While the broker's offset is not known, its own clock is shown and said to be that. */
function brokerOr(time: string | null, brokerTime: string | null, tell: (time: string) => string): string {
  if (time !== null) return tell(time);
  return brokerTime === null ? "unknown" : `${brokerTime.slice(0, 19).replace("T", " ")} (broker's clock)`;
}

function asCsv(trades: readonly Trade[], account: (id: string) => string): string {
  const head = [
    "trade", "account", "ticket", "symbol", "side", "lots", "open price", "close price", "stop loss", "take profit",
    "realised", "commission", "swap", "closed by", "opened (UTC)", "closed (UTC)", "origin", "comment",
  ];
  const rows = trades.map((trade) => [
    trade.tradeId, account(trade.accountId), trade.ticket, trade.symbol, words(trade.side), trade.openedVolumeLots,
    trade.openPrice, trade.closePrice, trade.stopLoss, trade.takeProfit, trade.realisedProfit, trade.commission,
    trade.swap, words(trade.closeCause), trade.openTime, trade.closeTime, words(trade.origin), trade.comment,
  ]);
  return csv([head, ...rows]);
}
