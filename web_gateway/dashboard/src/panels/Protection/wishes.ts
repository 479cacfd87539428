import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { TradeWishes } from "../../lib/contract";
import { policy } from "../../store/actions";
import { TRADE } from "../../store/queries";

const FOLLOW_MILLISECONDS = 1000;

/** What is wanted of a trade beyond its levels; null: nothing was asked since it was opened. */
export function useWishes(tradeId: string) {
  return useQuery({
    queryKey: [TRADE, tradeId],
    queryFn: async (): Promise<TradeWishes | null> =>
      (await ask(api.GET("/api/trades/{tradeId}", { params: { path: { tradeId } } }))).wishes,
    // Nothing tells of a policy that was applied and changed nothing else.
    refetchInterval: ({ state: { data } }) => (data != null && waiting(data) ? FOLLOW_MILLISECONDS : false),
  });
}

/** Asks for a policy of a trade, and reads anew what is wanted, whatever became of that. */
export function usePolicy(tradeId: string): typeof policy {
  const queries = useQueryClient();
  return async (...wish) => {
    const taken = await policy(...wish);
    void queries.invalidateQueries({ queryKey: [TRADE, tradeId] });
    return taken;
  };
}

/** The bridge has not applied all that is wanted. */
export function waiting(wishes: TradeWishes): boolean {
  const latest = Math.max(wishes.trailingStopRevision, wishes.protectionRevision, wishes.stealthRevision);
  return latest > wishes.appliedRevision;
}
