import { memo, type ReactNode } from "react";
import type { Trade } from "../../lib/contract";
import { lots, price, words } from "../../lib/format";
import { openCommandOn } from "../../store/live-state";
import { useLive } from "../../store/live-store";
import { useReadAge } from "../../store/read-age";
import { Age, freshness } from "../../ui/Age";
import { Profit } from "../../ui/Profit";
import { TradeDetails } from "../Protection/TradeDetails";
import { Levels } from "./Levels";
import { TradeActions } from "./TradeActions";

export const COLUMNS = 9;

interface Props {
  trade: Trade;
  digits: number | undefined;
  /** Named where several accounts are shown. */
  account: string | null;
  index: number;
  /** Said to those who hear the page, where not all rows are drawn. */
  numbered: boolean;
  open: boolean;
  onOpen: (tradeId: string, open: boolean) => void;
  /** Something in it, or a dialog of it, is being used. */
  onUse: (tradeId: string) => void;
  measure: (element: HTMLTableSectionElement | null) => void;
}

export const TradeRow = memo(function TradeRow(props: Props) {
  const { trade, digits, account, index, numbered, open, onOpen, onUse, measure } = props;
  const quote = useLive((state) => state.quotes.get(trade.tradeId));
  const seconds = useReadAge(trade.accountId, quote);
  const stale = freshness(seconds) !== "fresh";
  const details = `details-${trade.tradeId}`;
  return (
    <tbody ref={measure} data-index={index} onFocusCapture={() => onUse(trade.tradeId)}>
    <tr
      data-trade={trade.tradeId}
      data-ticket={trade.ticket}
      aria-rowindex={numbered ? index + 2 : undefined}
      className={open ? "opened" : undefined}
    >
      <th scope="row" data-label="Symbol">
        <button
          type="button"
          className="disclose"
          aria-expanded={open}
          aria-controls={open ? details : undefined}
          aria-label={`Details of ${trade.symbol} ${lots(trade.volumeLots)}`}
          onClick={() => onOpen(trade.tradeId, !open)}
        />
        <span className="symbol">{trade.symbol}</span> <SideTag side={trade.side} />{" "}
        {trade.origin === "EXTERNAL" && <span className="tag">external</span>}
        {trade.origin === "ADOPTED" && <span className="tag">adopted</span>}
        <Notes trade={trade} account={account} />
      </th>
      <td data-label="Lots" className="number">
        {lots(trade.volumeLots)}
      </td>
      <td data-label="Open" className="number">
        {price(trade.openPrice, digits)}
      </td>
      <td data-label="Now" className={`number ${stale ? "stale" : ""}`}>
        {price(quote?.currentPrice, digits)}
      </td>
      <td data-label="Stop loss" className="number">
        <Levels trade={trade} which="stopLoss" digits={digits} />
      </td>
      <td data-label="Take profit" className="number">
        <Levels trade={trade} which="takeProfit" digits={digits} />
      </td>
      <td data-label="Profit" className="number">
        <Profit value={quote?.profit} stale={stale} />
      </td>
      <td data-label="Age" className="number">
        <Age seconds={seconds} />
      </td>
      <td className="row-actions">
        <TradeActions trade={trade} digits={digits} />
      </td>
    </tr>
    {open && (
      <tr id={details} className="details-row" data-details={trade.tradeId}>
        <td colSpan={COLUMNS}>
          <TradeDetails trade={trade} digits={digits} />
        </td>
      </tr>
    )}
    </tbody>
  );
});

export function SideTag({ side }: { side: Trade["side"] }) {
  return <span className="side">{side === "BUY" ? "buy" : side === "SELL" ? "sell" : "unknown"}</span>;
}

/** What is special about a trade, and what is being done with it. */
function Notes({ trade, account }: { trade: Trade; account: string | null }) {
  const doing = useLive((state) => openCommandOn(state.commands, trade.tradeId));
  const notes: ReactNode[] = [];
  if (account !== null) notes.push(<span key="account">{account}</span>);
  if (trade.state === "UNKNOWN_MISSING") {
    notes.push(
      <span key="missing" className="problem-text">
        gone from the terminal, and no closing deal is known
      </span>,
    );
  }
  if (trade.trailingStop !== null) {
    const trailing = trade.trailingStop;
    const how = trailing.suspended ? "trailing paused" : trailing.activated ? "trailing" : "trailing, not activated";
    notes.push(<span key="trailing" className={`tag ${trailing.suspended ? "amber" : ""}`}>{how}</span>);
  }
  for (const text of planTags(trade)) notes.push(<span key={text} className="tag">{text}</span>);
  if (doing !== undefined) {
    const unknown = doing.state === "UNKNOWN";
    notes.push(
      <span key="doing" className={unknown ? "problem-text" : "doing"}>
        {!unknown && <span className="spinner" aria-hidden="true" />}
        {unknown ? `${wish(doing.action)}: not known whether it was done` : `${wish(doing.action)}…`}
      </span>,
    );
  }
  return notes.length === 0 ? null : <div className="row-notes">{notes}</div>;
}

/** How far ladder and break-even are, in a word each. */
function planTags({ protection }: Trade): string[] {
  if (protection === null) return [];
  const { steps, breakEven } = protection;
  const over = steps.filter((step) => step.state === "DONE" || step.state === "SKIPPED").length;
  return [
    ...(steps.length > 0 ? [`ladder ${over} of ${steps.length}`] : []),
    ...(breakEven === null ? [] : [breakEven.done ? "break-even done" : "break-even waits"]),
  ];
}

function wish(action: { [name: string]: unknown } | null): string {
  const [name] = Object.keys(action ?? {});
  switch (name) {
    case "close":
    case "closeAll":
      return "closing";
    case "modify":
      return "modifying";
    case "breakEven":
      return "moving to break-even";
    case "adopt":
      return "adopting";
    case undefined:
      return "acting";
    default:
      return words(name);
  }
}
