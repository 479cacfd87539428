import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import { number, words } from "../../lib/format";
import { LIMITS } from "../../store/queries";

/** How much of each limit is left. */
export function LimitsView({ accountId }: { accountId: string }) {
  const limits = useLimits(accountId);
  const uses = limits.data?.uses ?? [];
  if (limits.isError) return <p className="quiet-text limits-line">Limits could not be read: {limits.error.message}</p>;
  if (uses.length === 0) return null;
  return (
    <ul className="limits" aria-label="Limits">
      {uses.map((use) => (
        <li key={use.code}>
          <span className="limit-name">{words(use.code)}</span>
          <span>
            {use.current === null ? "unknown" : number(use.current, digitsOf(use.code))} of{" "}
            {number(use.limit, digitsOf(use.code))}
            {use.headroom !== null && <span className="quiet-text">, {number(use.headroom, digitsOf(use.code))} left</span>}
          </span>
        </li>
      ))}
      {limits.data?.applied === false && <li className="amber-text">not applied by the bridge yet</li>}
    </ul>
  );
}

export function useLimits(accountId: string) {
  return useQuery({
    queryKey: [LIMITS, accountId],
    queryFn: () => ask(api.GET("/api/limits", { params: { query: { accountId } } })),
    refetchInterval: 15_000,
  });
}

function digitsOf(code: string): number {
  return code === "MAXIMUM_POSITIONS" || code === "MAXIMUM_SPREAD" ? 0 : 2;
}
