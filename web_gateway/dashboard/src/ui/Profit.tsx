import { signed, UNKNOWN } from "../lib/format";

interface Props {
  value: number | null | undefined;
  /** Old numbers lose their colour. */
  stale?: boolean;
}

/** A gain or a loss, by sign, shape and colour. */
export function Profit({ value, stale = false }: Props) {
  if (value === null || value === undefined) return <span className="unknown">{UNKNOWN}</span>;
  const text = signed(value);
  const way = text.startsWith("+") ? "gain" : text.startsWith("\u2212") ? "loss" : "even";
  return (
    <span className={`profit ${way} ${stale ? "stale" : ""}`}>
      <span className="profit-shape" aria-hidden="true">
        {way === "gain" ? "▲" : way === "loss" ? "▼" : ""}
      </span>
      {text}
    </span>
  );
}
