import { AccountPanel } from "../panels/Account/AccountPanel";
import { LiveTrades } from "../panels/LiveTrades/LiveTrades";
import { NewOrder } from "../panels/NewOrder";
import { PendingOrders } from "../panels/PendingOrders";

/** What a trader looks at: money, open trades, pending orders, and a new one. */
export function Desk() {
  return (
    <div className="desk">
      <div className="desk-main">
        <AccountPanel />
        <LiveTrades />
        <PendingOrders />
      </div>
      <aside className="desk-side" aria-label="New order">
        <NewOrder />
      </aside>
    </div>
  );
}
