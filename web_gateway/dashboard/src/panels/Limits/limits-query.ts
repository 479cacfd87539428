import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import { LIMITS } from "../../store/queries";

/** Equity moves between the stages, and no frame tells of that. */
const READ_AGAIN_MILLISECONDS = 5000;

export function useLimits(accountId: string) {
  return useQuery({
    queryKey: [LIMITS, accountId],
    queryFn: () => ask(api.GET("/api/limits", { params: { query: { accountId } } })),
    refetchInterval: READ_AGAIN_MILLISECONDS,
  });
}
