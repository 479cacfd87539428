import { useQuery } from "@tanstack/react-query";
import {
  type AreaData,
  AreaSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  LineType,
  TickMarkType,
  type UTCTimestamp,
  type WhitespaceData,
} from "lightweight-charts";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account } from "../../lib/contract";
import { number, seconds as inSeconds } from "../../lib/format";
import { usePreferences } from "../../session/preferences";
import { useLive } from "../../store/live-store";
import { EQUITY } from "../../store/queries";
import { balanceBefore } from "./balance";
import { ALL_SECONDS, balanceSlots, gridded, joined, type Measured, type Range, RANGES, type Slot, type Step, stepOf } from "./curve";

const DEALS_READ = 500;
const SETTLED_MILLISECONDS = 1500;
const READ_AGAIN_MILLISECONDS = 60_000;
/** As often as the server records: between two of them a page that listens has missed nothing. */
const LIVE_SPAN = 60;
const CLEAR = { lineColor: "transparent", topColor: "transparent", bottomColor: "transparent" };

/** Equity as the server recorded it and this page goes on seeing it, and the balance as the broker's deals tell it. */
export default function EquityCurve({ account }: { account: Account }) {
  const { accountId, currency } = account;
  const { settings, times } = usePreferences();
  const [range, setRange] = useState<Range>(RANGES[1] ?? { name: "24 h", seconds: 86_400 });
  const seen = useLive((state) => state.equity.get(accountId));
  const recorded = useRecorded(accountId, range.seconds ?? ALL_SECONDS);
  const deals = useBalance(accountId);

  const points = useMemo(
    () => joined(recorded.data?.equity ?? [], (seen ?? []).map(({ time, equity }) => ({ time, value: equity, span: LIVE_SPAN }))),
    [recorded.data, seen],
  );
  const first = points[0]?.time;
  const last = points.at(-1)?.time;
  // A record that is shorter than the range fills it.
  const recordedSeconds = first === undefined || last === undefined ? 0 : last - first;
  const width = Math.min(range.seconds ?? recordedSeconds, recordedSeconds);
  const step = stepOf(width);
  const grid = useMemo(
    () => (last === undefined ? [] : gridded(points, last - width, last, step)),
    [points, last, width, step],
  );
  const steps = useMemo(() => {
    const known = deals.steps[0]?.time ?? Infinity;
    // What was read is older than what the deals tell, which are exact.
    return [...(recorded.data?.balance ?? []).filter((each) => each.time < known), ...deals.steps];
  }, [recorded.data, deals.steps]);
  const balance = useMemo(() => balanceSlots(steps, grid, step), [steps, grid, step]);

  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<{ chart: IChartApi; equity: ISeriesApi<"Area">; balance: ISeriesApi<"Line"> } | null>(null);

  useEffect(() => {
    if (box.current === null) return;
    const made = createChart(box.current, {
      autoSize: true,
      layout: { attributionLogo: false, background: { color: "transparent" }, fontFamily: "inherit", fontSize: 11 },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.14, bottom: 0.1 } },
      localization: { priceFormatter: (value: number) => number(value) },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 0, minBarSpacing: 0.1 },
      grid: { vertLines: { visible: false } },
      // The ranges do that, and a wheel over the curve goes on scrolling the page.
      handleScroll: false,
      handleScale: false,
    });
    const area = made.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false, title: "" });
    const line = made.addSeries(LineSeries, {
      lineWidth: 1,
      lineType: LineType.WithSteps,
      priceLineVisible: false,
      lastValueVisible: false,
      crosshairMarkerVisible: false,
    });
    chart.current = { chart: made, equity: area, balance: line };
    return () => {
      chart.current = null;
      made.remove();
    };
  }, []);

  useEffect(() => {
    const paint = () => {
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string) => style.getPropertyValue(name).trim();
      const at = (time: UTCTimestamp) => new Date(time * 1000).toISOString();
      chart.current?.chart.applyOptions({
        layout: { textColor: colour("--ink-2") },
        grid: { horzLines: { color: colour("--line") } },
        localization: { timeFormatter: (time: UTCTimestamp) => times.on(at(time)) },
        timeScale: {
          tickMarkFormatter: (time: UTCTimestamp, kind: TickMarkType) =>
            kind === TickMarkType.Time || kind === TickMarkType.TimeWithSeconds
              ? times.at(at(time)).slice(0, 5)
              : times.on(at(time)).slice(0, 6),
        },
      });
      chart.current?.equity.applyOptions({
        lineColor: colour("--accent"),
        topColor: colour("--accent-wash"),
        bottomColor: "transparent",
      });
      chart.current?.balance.applyOptions({ color: colour("--ink-2") });
    };
    paint();
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", paint);
    // The look is set after this page's settings are known.
    const watch = new MutationObserver(paint);
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      system.removeEventListener("change", paint);
      watch.disconnect();
    };
  }, [settings.theme, times]);

  useEffect(() => {
    chart.current?.equity.setData(grid.map(drawn));
    chart.current?.balance.setData(balance.map(({ time, value, gap }) => ({ time: time as UTCTimestamp, value, ...(gap ? { color: "transparent" } : {}) })),
    );
    chart.current?.chart.timeScale().fitContent();
  }, [grid, balance]);

  const begin = points.find((point) => last !== undefined && point.time >= last - width);
  const oldest = balance[0];
  const gaps = grid.filter((slot) => slot.gap).length;
  const when = (time: number) => times.recent(new Date(time * 1000).toISOString());
  return (
    <figure className="curve" aria-label="Equity curve" data-gaps={gaps} data-slots={grid.length}>
      <div className="curve-ranges" role="group" aria-label="Range of the curve">
        {RANGES.map((each) => (
          <button key={each.name} type="button" aria-pressed={each.name === range.name} onClick={() => setRange(each)}>
            {each.name}
          </button>
        ))}
      </div>
      <div ref={box} className="curve-box" />
      <figcaption>
        <span className="curve-key equity">
          {recorded.isError
            ? `Equity in ${currency}, seen by this page alone: what the server recorded could not be read (${recorded.error.message})`
            : begin === undefined
              ? `Equity in ${currency}: nothing was measured in this range`
              : `Equity in ${currency}, as measured since ${when(begin.time)}`}
          {gaps > 0 && <span className="quiet-text">; where it is broken nothing was measured</span>}
        </span>
        <span className="curve-key balance">
          {deals.error !== null
            ? `Balance: deals could not be read (${deals.error.message})`
            : oldest === undefined
              ? "Balance: not known yet"
              : `Balance, as read, and to the second from the broker's deals`}
        </span>
        <a className="curve-source" href="https://www.tradingview.com/" rel="noreferrer" target="_blank">
          chart: TradingView
        </a>
      </figcaption>
    </figure>
  );
}

function drawn(slot: Slot): AreaData<UTCTimestamp> | WhitespaceData<UTCTimestamp> {
  const time = slot.time as UTCTimestamp;
  if (slot.value === null) return { time };
  // What is said of a point paints the way to the next one.
  return slot.gap ? { time, value: slot.value, ...CLEAR } : { time, value: slot.value };
}

/** What the server recorded of the last so many seconds. */
function useRecorded(accountId: string, seconds: number) {
  return useQuery({
    queryKey: [EQUITY, accountId, seconds],
    queryFn: async (): Promise<{ equity: readonly Measured[]; balance: readonly Step[] }> => {
      // An hour more, for clocks that differ; the range is cut from the last measurement.
      const since = new Date(Date.now() - (seconds + 3_600) * 1000).toISOString();
      const { samples } = await ask(
        api.GET("/api/accounts/{accountId}/equity", { params: { path: { accountId }, query: { since } } }),
      );
      const at = (time: string | null) => Math.floor(Date.parse(time ?? "") / 1000);
      return {
        equity: samples.map(({ time, equity, span }) => ({ time: at(time), value: equity, span: inSeconds(span) ?? LIVE_SPAN })),
        balance: samples.flatMap(({ time, balance }) => (balance === null ? [] : [{ time: at(time), balance }])),
      };
    },
    refetchInterval: READ_AGAIN_MILLISECONDS,
    placeholderData: (before) => before,
  });
}

/** The balance step by step, backwards from what it is now. */
function useBalance(accountId: string) {
  const now = useLive((state) => state.money.get(accountId)?.balance ?? null);
  const readTime = useLive((state) => state.money.get(accountId)?.readTime ?? null);
  const { data, error, refetch, dataUpdatedAt } = useQuery({
    queryKey: ["deals of the curve", accountId],
    queryFn: async () =>
      (await ask(api.GET("/api/deals", { params: { query: { accountId, pageSize: DEALS_READ } } }))).deals,
    staleTime: Infinity,
  });
  // A balance and the deals that led to it come by two ways: once a new balance stands, the deals are read again.
  useEffect(() => {
    const timer = setTimeout(() => void refetch(), SETTLED_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [now, refetch]);
  const latest = useRef({ balance: now, time: readTime });
  useEffect(() => {
    latest.current = { balance: now, time: readTime };
  }, [now, readTime]);
  const steps = useMemo(() => {
    const { balance, time } = latest.current;
    if (balance === null || time === null || data === undefined || dataUpdatedAt === 0) return [];
    return balanceBefore({ time: Date.parse(time), balance }, data);
  }, [data, dataUpdatedAt]);
  return { steps, error };
}
