// Of a long table only the rows near what is in sight are drawn: hundreds of them, drawn anew with each price, would
// cost more than a frame has.
import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useLayoutEffect, useState } from "react";
import { type Part, partsOf } from "./row-parts";

/** So many are drawn all, so that the browser's search finds them. */
const FEW = 40;
/** In pixels, until a row was measured. */
const ROW = 44;
const OVERSCAN = 8;

export interface RowWindow {
  /** Rows and the space between them, from top to bottom. */
  readonly parts: readonly Part[];
  /** Whether rows are left out. */
  readonly many: boolean;
  /** Give it each row's `tbody`, which has its index as `data-index`. */
  readonly measure: (element: HTMLTableSectionElement | null) => void;
  /** The row of that key stays drawn wherever the page is scrolled to, with what a person has begun in it. */
  readonly keep: (key: string) => void;
}

export function useRowWindow(keys: readonly string[], table: RefObject<HTMLElement | null>): RowWindow {
  const many = keys.length > FEW;
  const [kept, keep] = useState<string | null>(null);
  const at = kept === null ? -1 : keys.indexOf(kept);
  const virtualizer = useWindowVirtualizer<HTMLTableSectionElement>({
    count: keys.length,
    enabled: many,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    scrollMargin: useTop(table, many),
    getItemKey: useCallback((index: number) => keys[index] ?? index, [keys]),
    rangeExtractor: useCallback(
      (range: Parameters<typeof defaultRangeExtractor>[0]) => {
        const near = defaultRangeExtractor(range);
        return at < 0 || near.includes(at) ? near : [...near, at].sort((a, b) => a - b);
      },
      [at],
    ),
  });
  const items = many
    ? virtualizer.getVirtualItems().map(({ index, start, end }) => ({ index, start, end }))
    : keys.map((_, index) => ({ index, start: 0, end: 0 }));
  const top = many ? virtualizer.options.scrollMargin : 0;
  return {
    parts: partsOf(items, top, many ? top + virtualizer.getTotalSize() : 0),
    many,
    measure: virtualizer.measureElement,
    keep,
  };
}

/** How far below the page's top an element begins, also when something above it grows. */
function useTop(element: RefObject<HTMLElement | null>, wanted: boolean): number {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (!wanted) return;
    const look = () => {
      const box = element.current?.getBoundingClientRect();
      if (box !== undefined) setTop(Math.round(box.top + window.scrollY));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element, wanted]);
  return top;
}
