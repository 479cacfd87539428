import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, ask } from "../lib/api";
import type { Symbol_ } from "../lib/contract";
import { useLive } from "./live-store";

export type Symbols = ReadonlyMap<string, Symbol_>;

const NONE: Symbols = new Map();

/** The symbols of one account by name; `undefined` while they are not known. */
export function useSymbols(accountId: string | null): Symbols | undefined {
  const { data } = useQuery({
    queryKey: ["symbols", accountId],
    queryFn: async () => {
      const { symbols } = await ask(api.GET("/api/symbols", { params: { query: { accountId: accountId ?? "" } } }));
      return new Map(symbols.map((symbol) => [symbol.symbol, symbol]));
    },
    enabled: accountId !== null,
    staleTime: 300_000,
  });
  return data;
}

/** The symbols of every account that is known. */
export function useDigits(): (accountId: string, symbol: string) => number | undefined {
  const accounts = useLive((state) => state.accounts);
  const ids = useMemo(() => [...accounts.keys()].sort(), [accounts]);
  const { data } = useQuery({
    queryKey: ["digits", ids],
    queryFn: async () => {
      const all = await Promise.all(
        ids.map(async (accountId) => {
          const { symbols } = await ask(api.GET("/api/symbols", { params: { query: { accountId } } }));
          return [accountId, new Map(symbols.map((each) => [each.symbol, each]))] as const;
        }),
      );
      return new Map(all);
    },
    enabled: ids.length > 0,
    staleTime: 300_000,
  });
  return (accountId, symbol) => (data?.get(accountId) ?? NONE).get(symbol)?.digits;
}
