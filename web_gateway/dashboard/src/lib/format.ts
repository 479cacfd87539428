// Numbers and times in words. What is not known is said so; a minus is a minus sign.
export const UNKNOWN = "unknown";

type Maybe = number | null | undefined;

const formats = new Map<number, Intl.NumberFormat>();

function fixed(digits: number): Intl.NumberFormat {
  const known = formats.get(digits);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  formats.set(digits, made);
  return made;
}

export function number(value: Maybe, digits = 2): string {
  return value === null || value === undefined ? UNKNOWN : fixed(digits).format(value).replace("-", "\u2212");
}

/** With its sign, zero without one. */
export function signed(value: Maybe, digits = 2): string {
  if (value === null || value === undefined) return UNKNOWN;
  const text = number(Math.abs(value), digits);
  if (Number(fixed(digits).format(Math.abs(value)).replaceAll(",", "")) === 0) return text;
  return `${value < 0 ? "\u2212" : "+"}${text}`;
}

export function money(value: Maybe, currency: string): string {
  return value === null || value === undefined ? UNKNOWN : `${number(value)} ${currency}`.trim();
}

/** A price as its symbol quotes it; without the symbol's digits as it came, but for what binary fractions add. */
export function price(value: Maybe, digits: number | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return digits === undefined ? String(Number(value.toFixed(8))) : value.toFixed(digits);
}

/** Lots with at least two decimals, and as many as it needs. */
export function lots(value: Maybe): string {
  if (value === null || value === undefined) return UNKNOWN;
  const plain = String(Number(value.toFixed(8)));
  const decimals = plain.includes(".") ? plain.length - plain.indexOf(".") - 1 : 0;
  return value.toFixed(Math.max(2, decimals));
}

/** `0.4 s`, `12 s`, `4 min`, `2 h`, `3 d`. */
export function age(seconds: Maybe): string {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Of a duration as the contract says it, e.g. `1.5s`; null: none. */
export function seconds(duration: string | null | undefined): number | null {
  if (duration === null || duration === undefined) return null;
  const value = Number(duration.replace(/s$/, ""));
  return Number.isFinite(value) ? value : null;
}

export class Times {
  private readonly clock: Intl.DateTimeFormat;
  private readonly day: Intl.DateTimeFormat;

  /** `zone` is an IANA name; empty: the browser's. */
  constructor(zone: string) {
    const timeZone = zone === "" ? undefined : zone;
    const hour = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone } as const;
    this.clock = new Intl.DateTimeFormat("en-GB", hour);
    this.day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric", timeZone });
  }

  /** `12:00:01` */
  at(time: string | null | undefined): string {
    return time ? this.clock.format(new Date(time)) : UNKNOWN;
  }

  /** `12:00:01.164` */
  exactly(time: string | null | undefined): string {
    if (!time) return UNKNOWN;
    const date = new Date(time);
    return `${this.clock.format(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  }

  /** `31 Jan 2026 12:00:01` */
  on(time: string | null | undefined): string {
    if (!time) return UNKNOWN;
    const date = new Date(time);
    return `${this.day.format(date)} ${this.clock.format(date)}`;
  }

  /** The time alone where it is of today. */
  recent(time: string | null | undefined, now = Date.now()): string {
    if (!time) return UNKNOWN;
    const date = new Date(time);
    return this.day.format(date) === this.day.format(new Date(now)) ? this.clock.format(date) : this.on(time);
  }
}

/** `STOP_LOSS` as `stop loss`. */
export function words(code: string): string {
  return code.toLowerCase().replaceAll("_", " ");
}

export function count(many: number, one: string, several = `${one}s`): string {
  return `${many} ${many === 1 ? one : several}`;
}
