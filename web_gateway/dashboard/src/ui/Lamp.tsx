export type LampState = "on" | "slow" | "off" | "unknown" | "alarm";

/** A small light; its state is told by shape as well as colour, and beside it in words. */
export function Lamp({ state }: { state: LampState }) {
  return <span className={`lamp ${state}`} aria-hidden="true" />;
}
