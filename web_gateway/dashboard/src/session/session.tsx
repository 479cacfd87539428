import { createContext, useContext } from "react";
import type { components } from "../generated/contract";

export type User = components["schemas"]["User"];
export type Info = components["schemas"]["GetInfoResponse"];
export type Scope = components["schemas"]["TokenScope"];

export interface Session {
  readonly user: User;
  readonly scopes: readonly Scope[];
  readonly info: Info;
  readonly signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("outside of a session");
  return session;
}
