// What stands in a table of which some rows are left out.

/** A row that is drawn, with where it stands, in pixels from the page's top. */
export interface Placed {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

export type Part = { readonly row: number } | { readonly space: number; readonly after: number };

/** The rows in their order, with a space of the right height wherever some are left out. */
export function partsOf(placed: readonly Placed[], top: number, bottom: number): readonly Part[] {
  const parts: Part[] = [];
  let reached = top;
  let after = -1;
  for (const { index, start, end } of placed) {
    if (start > reached) parts.push({ space: start - reached, after });
    parts.push({ row: index });
    reached = end;
    after = index;
  }
  if (bottom > reached) parts.push({ space: bottom - reached, after });
  return parts;
}
