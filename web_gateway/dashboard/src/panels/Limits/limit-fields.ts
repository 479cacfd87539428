// What may be set as limits of an account, in the order of the form. Names are paths in the contract's `Limits`.
import type { LimitUse } from "../../lib/contract";

export type Unit = LimitUse["unit"];

export interface Field {
  readonly name: string;
  readonly label: string;
  /** `amount`: percent or money. `span`: a duration, typed in `per` seconds. */
  readonly kind: "number" | "amount" | "span" | "choice" | "toggle" | "clock" | "zone";
  readonly unit?: Unit;
  readonly hint?: string;
  /** The highest that the server takes; of an amount: in percent. */
  readonly most?: number;
  readonly per?: number;
  readonly options?: readonly (readonly [string, string])[];
  /** Means nothing without that field. */
  readonly needs?: string;
  /** Of the use that tells how far it is used. */
  readonly code?: string;
}

export interface Group {
  readonly title: string;
  readonly note: string;
  readonly fields: readonly Field[];
}

export const MOST_MONEY = 1e12;
const ANY: readonly [string, number, string][] = [
  ["warning", 70, "Warns at"],
  ["soft", 85, "Blocks opening at"],
  ["hard", 100, "Reached at"],
];

const levels = (of: string): Field[] =>
  ANY.map(([stage, shipped, label]) => ({
    name: `${of}.levels.${stage}Percent`,
    label,
    kind: "number",
    unit: "PERCENT",
    most: 100,
    needs: of,
    hint: `Of the limit. Empty: ${shipped}, as shipped.`,
  }));

const keep = (of: string): Field => ({
  name: `${of}.keepPositions`,
  label: "Keep positions",
  kind: "toggle",
  needs: of,
  hint: "Else everything is closed once the limit is reached.",
});

export const GROUPS: readonly Group[] = [
  {
    title: "Losses",
    note: "Watched all the time, on equity. What blocks or closes stays until you resume.",
    fields: [
      { name: "dailyLoss", label: "Loss of the day", kind: "amount", most: 100, code: "MAX_DAILY_LOSS", hint: "With what is open, swap and commission; payments are no loss." },
      {
        name: "dailyLoss.base",
        label: "Counted from the day's",
        kind: "choice",
        needs: "dailyLoss",
        options: [
          ["BALANCE", "first balance"],
          ["EQUITY", "first equity"],
          ["HIGHER", "higher of the two"],
        ],
      },
      ...levels("dailyLoss"),
      keep("dailyLoss"),
      { name: "totalLoss", label: "Loss in all", kind: "amount", most: 100, code: "MAX_TOTAL_LOSS", hint: "A percentage is of the starting balance." },
      {
        name: "totalLoss.drawdown",
        label: "Counted from",
        kind: "choice",
        needs: "totalLoss",
        options: [
          ["STATIC", "the starting balance"],
          ["TRAILING_DAY", "the highest balance at a day's end"],
          ["TRAILING_INTRADAY", "the highest equity"],
        ],
      },
      { name: "totalLoss.startBalance", label: "Starting balance", kind: "number", unit: "MONEY", most: MOST_MONEY, needs: "totalLoss", hint: "Empty: the balance when the limit is first set." },
      ...levels("totalLoss"),
      keep("totalLoss"),
      { name: "dailyProfit", label: "Profit of the day", kind: "amount", most: 10_000, code: "DAILY_PROFIT_LOCK", hint: "Once won, nothing new is opened until you resume." },
      { name: "dailyProfit.closePositions", label: "Close everything then", kind: "toggle", needs: "dailyProfit" },
    ],
  },
  {
    title: "Orders and exposure",
    note: "Held against each order that adds risk, external trades counted.",
    fields: [
      { name: "tradeRisk", label: "Risk of one order", kind: "amount", most: 100, code: "MAXIMUM_TRADE_RISK", hint: "At its stop loss; percent of equity. Without a stop it is denied." },
      { name: "ideaRisk", label: "Risk of one idea", kind: "amount", most: 100, code: "MAXIMUM_IDEA_RISK", hint: "All of one symbol and side; percent of equity." },
      { name: "maximumSymbolLots", label: "Lots of one symbol", kind: "number", unit: "LOTS", most: 100_000, code: "MAXIMUM_SYMBOL_LOTS", hint: "Both sides added up." },
      { name: "maximumTotalLots", label: "Lots in all", kind: "number", unit: "LOTS", most: 100_000, code: "MAXIMUM_TOTAL_LOTS" },
      { name: "maximumCurrencyExposurePercent", label: "Exposure to one currency", kind: "number", unit: "PERCENT", most: 1_000_000, code: "MAXIMUM_CURRENCY_EXPOSURE", hint: "Net, of equity." },
      { name: "maximumLeverage", label: "Leverage", kind: "number", unit: "MULTIPLE", most: 10_000, code: "MAXIMUM_LEVERAGE", hint: "Worth of everything by equity." },
      { name: "minimumMarginLevelPercent", label: "Least margin level", kind: "number", unit: "PERCENT", most: 1_000_000, code: "MINIMUM_MARGIN_LEVEL" },
      { name: "maximumAccountAge", label: "Age of the account's money", kind: "span", unit: "SECONDS", most: 3600, code: "STALE_ACCOUNT", hint: "Empty: 10 s where a limit needs it." },
      { name: "stopMissingAfter", label: "Alert where a stop is missing for", kind: "span", unit: "SECONDS", most: 86_400 },
      { name: "mandatoryStop", label: "Every order needs a stop loss", kind: "toggle", hint: "And it must not be removed." },
    ],
  },
  {
    title: "Spreads",
    note: "Held against each market order.",
    fields: [
      { name: "maximumSpreadMedianFactor", label: "Spread to its median", kind: "number", unit: "MULTIPLE", most: 1000, code: "MAXIMUM_SPREAD_MEDIAN", hint: "Of the last 200 quotes; not judged below 20." },
      { name: "maximumSpreadStopPercent", label: "Spread to the stop's distance", kind: "number", unit: "PERCENT", most: 100, code: "MAXIMUM_SPREAD_STOP" },
    ],
  },
  {
    title: "Counts",
    note: "By the trading day.",
    fields: [
      { name: "maximumTradesADay", label: "Trades of the day", kind: "number", unit: "COUNT", most: 100_000, code: "MAXIMUM_TRADES_A_DAY" },
      { name: "maximumRequestsADay", label: "Requests of the day", kind: "number", unit: "COUNT", most: 10_000_000, code: "MAXIMUM_REQUESTS_A_DAY", hint: "The bridge's own too; each move of a trailing level is one." },
      { name: "consecutiveLosses.count", label: "Losses in a row", kind: "number", unit: "COUNT", most: 1000, code: "CONSECUTIVE_LOSSES", hint: "Of signals; all trades of one are one." },
      { name: "consecutiveLosses.cooldown", label: "Then nothing opens for, minutes", kind: "span", per: 60, most: 43_200, needs: "consecutiveLosses.count", hint: "Empty: until the day ends." },
    ],
  },
  {
    title: "Held by the bridge too",
    note: "Without the server as well, at the instant of the call.",
    fields: [
      { name: "maximumOrderLots", label: "Largest order", kind: "number", unit: "LOTS", most: 10_000, code: "MAXIMUM_ORDER_LOTS" },
      { name: "maximumPositions", label: "Most positions and orders", kind: "number", unit: "COUNT", most: 10_000, code: "MAXIMUM_POSITIONS" },
      { name: "maximumSpreadPoints", label: "Widest spread", kind: "number", unit: "POINTS", most: 1_000_000, code: "MAXIMUM_SPREAD" },
      { name: "minimumEquity", label: "Least equity", kind: "number", unit: "MONEY", most: MOST_MONEY, code: "MINIMUM_EQUITY" },
      {
        name: "minimumEquityAction",
        label: "Below the least equity",
        kind: "choice",
        needs: "minimumEquity",
        options: [
          ["BLOCK", "open nothing"],
          ["HALT", "stop, cancel our orders"],
          ["FLATTEN", "stop, and close everything"],
        ],
      },
    ],
  },
  {
    title: "Day",
    note: "When the day of all limits by the day begins. As of midnight UTC where nothing is set.",
    fields: [
      { name: "day.beginsAt", label: "Day begins at", kind: "clock", hint: "On the clock there, e.g. 17:00. Empty: 00:00." },
      { name: "day.timeZone", label: "Time zone of the day", kind: "zone", hint: "E.g. America/New_York. Empty: UTC." },
    ],
  },
];

/** Given with the limits, and none of them. */
export const DAY_BALANCE: Field = {
  name: "dayBalance",
  label: "Balance at the day's beginning",
  kind: "number",
  unit: "MONEY",
  most: MOST_MONEY,
  hint: "It is not known. From the broker's statement; opening waits for it.",
};

export const FIELDS: readonly Field[] = GROUPS.flatMap((group) => group.fields);
