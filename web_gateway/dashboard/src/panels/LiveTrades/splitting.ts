// Whether a trade can be closed in part, by its symbol's steps; the bridge has the last word.
import type { Symbol_ } from "../../lib/contract";
import { lots } from "../../lib/format";

export interface Split {
  /** What would be closed, rounded down to the volume step. */
  readonly part: number;
  /** Why it cannot be; `undefined`: it can. */
  readonly unavailable: string | undefined;
}

export function split(volume: number, percent: number, symbol: Symbol_ | undefined): Split {
  if (symbol === undefined) return { part: (volume * percent) / 100, unavailable: undefined };
  const { volumeStepLots: step, volumeMinimumLots: minimum } = symbol;
  // Counted in whole steps: 0.3 / 0.1 is 2.9999999999999996.
  const steps = Math.floor((volume * percent) / 100 / step + 1e-9);
  const part = Number((steps * step).toFixed(8));
  const rest = Number((volume - part).toFixed(8));
  if (part < minimum) return { part, unavailable: `${lots(part)} is below the minimum of ${lots(minimum)} lots` };
  if (rest < minimum) return { part, unavailable: `the rest, ${lots(rest)}, would be below ${lots(minimum)} lots` };
  return { part, unavailable: undefined };
}
