import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { Limits } from "../../lib/contract";
import { LIMITS } from "../../store/queries";
import { toast } from "../../ui/toasts";

/** Equity moves between the stages, and no frame tells of that. */
const READ_AGAIN_MILLISECONDS = 5000;

export function readLimits(accountId: string) {
  return ask(api.GET("/api/limits", { params: { query: { accountId } } }));
}

export function useLimits(accountId: string) {
  return useQuery({
    queryKey: [LIMITS, accountId],
    queryFn: () => readLimits(accountId),
    refetchInterval: READ_AGAIN_MILLISECONDS,
  });
}

/** Takes limits that were just set for read, and tells whether the bridge has them. */
export function useSetLimits(accountId: string) {
  const queries = useQueryClient();
  return async (what: string, answer: { limits: Limits | null; applied: boolean }) => {
    const { limits, applied } = answer;
    queries.setQueryData<Awaited<ReturnType<typeof readLimits>>>([LIMITS, accountId], (old) => old && { ...old, limits, applied });
    if (applied) toast("done", `${what} applied by the bridge`);
    else toast("note", `${what} recorded; the bridge has not applied them yet`);
    await queries.invalidateQueries({ queryKey: [LIMITS] });
  };
}
