import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import { SOURCES } from "../../store/queries";

export function useSources() {
  return useQuery({
    queryKey: [SOURCES],
    queryFn: async () => (await ask(api.GET("/api/sources"))).sources,
  });
}
