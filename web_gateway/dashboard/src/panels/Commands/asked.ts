import type { Command } from "../../lib/contract";
import { lots, words } from "../../lib/format";

/** What a command asked, in a trader's words. */
export function asked({ action }: Command): string {
  if (action === null) return "Not known";
  if (action.open !== undefined) {
    const { symbol, side, orderType, volumeLots, price } = action.open;
    const size = volumeLots === null ? "sized by risk" : `${lots(volumeLots)} lots`;
    const how = orderType === "MARKET" || orderType === "UNSPECIFIED" ? "" : ` ${words(orderType)} at ${price ?? "unknown"}`;
    return `${words(side)} ${symbol} ${size}${how}`;
  }
  if (action.close !== undefined) {
    const { positionIdentifier, fraction, volumeLots } = action.close;
    const part =
      fraction !== null ? `${Math.round(fraction * 100)} % of ` : volumeLots !== null ? `${lots(volumeLots)} lots of ` : "";
    return `close ${part}position ${positionIdentifier}`;
  }
  if (action.modify !== undefined) {
    const { positionIdentifier, setStopLoss, stopLoss, setTakeProfit, takeProfit } = action.modify;
    const levels = [
      ...(setStopLoss ? [stopLoss === null ? "no stop loss" : `stop loss ${stopLoss}`] : []),
      ...(setTakeProfit ? [takeProfit === null ? "no take profit" : `take profit ${takeProfit}`] : []),
    ];
    return `${levels.join(", ")} for position ${positionIdentifier}`;
  }
  if (action.modifyOrder !== undefined) return `move order ${action.modifyOrder.orderTicket}`;
  if (action.cancelOrder !== undefined) return `cancel order ${action.cancelOrder.orderTicket}`;
  if (action.closeAll !== undefined) {
    const { symbol, external } = action.closeAll;
    return `close all${symbol === "" ? "" : ` ${symbol}`}${external ? ", external ones too" : ""}`;
  }
  if (action.adopt !== undefined) return `adopt position ${action.adopt.positionIdentifier}`;
  if (action.breakEven !== undefined) return `break-even for position ${action.breakEven.positionIdentifier}`;
  return "Of a kind that this page does not know";
}
