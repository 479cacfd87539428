import { useSyncExternalStore } from "react";

export const ROUTES = [
  ["desk", "Desk"],
  ["commands", "Commands"],
  ["alerts", "Alerts"],
  ["history", "History"],
  ["signals", "Signals"],
  ["accounts", "Accounts"],
  ["settings", "Settings"],
  ["tester", "Tester"],
] as const;

export type RouteName = (typeof ROUTES)[number][0];

function current(): RouteName {
  const name = location.hash.replace(/^#\/?/, "");
  return ROUTES.find(([route]) => route === name)?.[0] ?? "desk";
}

export function useRoute(): RouteName {
  return useSyncExternalStore((listener) => {
    window.addEventListener("hashchange", listener);
    return () => window.removeEventListener("hashchange", listener);
  }, current);
}

export function hrefOf(route: RouteName): string {
  return `#/${route}`;
}
