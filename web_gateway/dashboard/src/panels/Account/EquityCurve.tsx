import { useQuery } from "@tanstack/react-query";
import {
  AreaSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  LineType,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useMemo, useRef } from "react";
import { api, ask } from "../../lib/api";
import type { Account } from "../../lib/contract";
import { number } from "../../lib/format";
import { usePreferences } from "../../session/preferences";
import { useLive } from "../../store/live-store";
import { balanceBefore } from "./balance";

const DEALS_READ = 500;
const POINTS_FITTED = 120;
const SETTLED_MILLISECONDS = 1500;

/** Balance as the broker's deals tell it, and equity as this page has seen it. Nothing between is made up. */
export default function EquityCurve({ account }: { account: Account }) {
  const { accountId, currency } = account;
  const { settings, times } = usePreferences();
  const equity = useLive((state) => state.equity.get(accountId));
  const balanceNow = useLive((state) => state.money.get(accountId)?.balance ?? null);
  const readTime = useLive((state) => state.money.get(accountId)?.readTime ?? null);
  const deals = useQuery({
    queryKey: ["deals of the curve", accountId],
    queryFn: async () =>
      (await ask(api.GET("/api/deals", { params: { query: { accountId, pageSize: DEALS_READ } } }))).deals,
    staleTime: Infinity,
  });
  const { refetch, dataUpdatedAt } = deals;
  // A balance and the deals that led to it come by two ways: once a new balance stands, the deals are read again.
  useEffect(() => {
    const timer = setTimeout(() => void refetch(), SETTLED_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [balanceNow, refetch]);
  const latest = useRef({ balance: balanceNow, time: readTime });
  useEffect(() => {
    latest.current = { balance: balanceNow, time: readTime };
  }, [balanceNow, readTime]);
  const balance = useMemo(() => {
    const { balance: now, time } = latest.current;
    if (now === null || time === null || deals.data === undefined || dataUpdatedAt === 0) return [];
    return balanceBefore({ time: Date.parse(time), balance: now }, deals.data);
  }, [deals.data, dataUpdatedAt]);

  const lastSecond = equity?.at(-1)?.time;

  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<{ chart: IChartApi; equity: ISeriesApi<"Area">; balance: ISeriesApi<"Line"> } | null>(null);
  const fitted = useRef(false);

  useEffect(() => {
    if (box.current === null) return;
    const made = createChart(box.current, {
      autoSize: true,
      layout: { attributionLogo: false, background: { color: "transparent" }, fontFamily: "inherit", fontSize: 11 },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.14, bottom: 0.1 } },
      localization: { priceFormatter: (value: number) => number(value) },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 2 },
      grid: { vertLines: { visible: false } },
      handleScroll: { vertTouchDrag: false },
    });
    const area = made.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false, title: "" });
    const line = made.addSeries(LineSeries, {
      lineWidth: 1,
      lineType: LineType.WithSteps,
      priceLineVisible: false,
      lastValueVisible: false,
    });
    chart.current = { chart: made, equity: area, balance: line };
    fitted.current = false;
    return () => {
      chart.current = null;
      made.remove();
    };
  }, []);

  useEffect(() => {
    const paint = () => {
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string) => style.getPropertyValue(name).trim();
      chart.current?.chart.applyOptions({
        layout: { textColor: colour("--ink-2") },
        grid: { horzLines: { color: colour("--line") } },
        localization: {
          timeFormatter: (time: UTCTimestamp) => times.on(new Date(time * 1000).toISOString()),
        },
        timeScale: {
          tickMarkFormatter: (time: UTCTimestamp) => times.at(new Date(time * 1000).toISOString()).slice(0, 5),
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
    chart.current?.equity.setData(
      (equity ?? []).map((point) => ({ time: point.time as UTCTimestamp, value: point.equity })),
    );
    // Until it fills the width by itself.
    if (equity !== undefined && equity.length < POINTS_FITTED) chart.current?.chart.timeScale().fitContent();
  }, [equity]);

  useEffect(() => {
    // It stands where it stood as long as no deal moved it.
    const last = balance.at(-1);
    const line =
      last !== undefined && lastSecond !== undefined && lastSecond > last.time && last.balance === balanceNow
        ? [...balance, { time: lastSecond, balance: last.balance }]
        : balance;
    chart.current?.balance.setData(
      line.map((point) => ({ time: point.time as UTCTimestamp, value: point.balance })),
    );
    if (!fitted.current && balance.length > 0) {
      chart.current?.chart.timeScale().fitContent();
      fitted.current = true;
    }
  }, [balance, lastSecond, balanceNow]);

  const since = equity?.[0] === undefined ? null : new Date(equity[0].time * 1000).toISOString();
  const oldest = balance[0] === undefined ? null : new Date(balance[0].time * 1000).toISOString();
  return (
    <figure className="curve" aria-label="Equity curve">
      <div ref={box} className="curve-box" />
      <figcaption>
        <span className="curve-key equity">
          Equity in {currency}, seen by this page since {since === null ? "not yet" : times.at(since)}
        </span>
        <span className="curve-key balance">
          {deals.isError
            ? `Balance: deals could not be read (${deals.error.message})`
            : oldest === null
              ? "Balance: not known yet"
              : `Balance, from the broker's deals since ${times.recent(oldest)}`}
        </span>
        <a className="curve-source" href="https://www.tradingview.com/" rel="noreferrer" target="_blank">
          chart: TradingView
        </a>
      </figcaption>
    </figure>
  );
}
