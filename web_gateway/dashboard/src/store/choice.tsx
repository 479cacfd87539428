import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import type { Account } from "../lib/contract";
import { useLive } from "./live-store";

export interface Choice {
  /** The account that is shown; null: all. */
  readonly accountId: string | null;
  readonly choose: (accountId: string | null) => void;
  readonly shows: (accountId: string) => boolean;
}

const ChoiceContext = createContext<Choice | null>(null);

export function useChoice(): Choice {
  const choice = useContext(ChoiceContext);
  if (choice === null) throw new Error("outside of a session");
  return choice;
}

/** Which account is looked at; all of them until one is chosen. */
export function ChoiceProvider({ children }: { children: ReactNode }) {
  const [chosen, choose] = useState<string | null>(null);
  const accounts = useLive((state) => state.accounts);
  const accountId = chosen !== null && accounts.has(chosen) ? chosen : null;
  const choice = useMemo<Choice>(
    () => ({ accountId, choose, shows: (id) => accountId === null || accountId === id }),
    [accountId],
  );
  return <ChoiceContext value={choice}>{children}</ChoiceContext>;
}

/** The accounts that are shown, oldest first. */
export function useShownAccounts(): readonly Account[] {
  const accounts = useLive((state) => state.accounts);
  const { shows } = useChoice();
  return useMemo(() => [...accounts.values()].filter((account) => shows(account.accountId)), [accounts, shows]);
}

export function accountName(account: Account | undefined): string {
  if (account === undefined) return "unknown account";
  return account.name || (account.login === null ? account.accountId : account.login);
}
