import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { api, ask } from "../lib/api";
import type { UserSettings } from "../lib/contract";
import { Times } from "../lib/format";

export interface Preferences {
  readonly settings: UserSettings;
  readonly times: Times;
  /** The settings are the user's own; false: they are on their way, or could not be read. */
  readonly known: boolean;
}

// Until the user's own are known: ask before acting.
const CAREFUL: UserSettings = { timeZone: "", theme: "UNSPECIFIED", confirmActions: true, colourPolarity: "GREEN_UP" };
const LOOK = "signalos.look";

const PreferencesContext = createContext<Preferences | null>(null);

export const SETTINGS = ["settings"] as const;

export function usePreferences(): Preferences {
  const preferences = useContext(PreferencesContext);
  if (preferences === null) throw new Error("outside of a session");
  return preferences;
}

export function useTimes(): Times {
  return usePreferences().times;
}

/** The look of the last user of this browser, before anybody has signed in. */
export function applyLastLook(): void {
  try {
    const [theme, polarity] = (localStorage.getItem(LOOK) ?? "").split(" ");
    applyLook(theme ?? "", polarity ?? "");
  } catch {
    // Storage may be switched off; then the system's look is taken.
  }
}

function applyLook(theme: string, polarity: string): void {
  const root = document.documentElement;
  root.dataset.theme = theme === "LIGHT" ? "light" : theme === "DARK" ? "dark" : "system";
  root.dataset.polarity = polarity === "RED_UP" ? "red-up" : "green-up";
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const { data } = useQuery({
    queryKey: SETTINGS,
    queryFn: async () => (await ask(api.GET("/api/settings"))).settings,
  });
  const settings = data ?? CAREFUL;
  const { theme, colourPolarity, timeZone } = settings;

  useEffect(() => {
    if (data === undefined || data === null) return;
    applyLook(theme, colourPolarity);
    try {
      localStorage.setItem(LOOK, `${theme} ${colourPolarity}`);
    } catch {
      // See `applyLastLook`.
    }
  }, [data, theme, colourPolarity]);

  const preferences = useMemo<Preferences>(
    () => ({ settings, times: timesIn(timeZone), known: data !== undefined && data !== null }),
    [settings, timeZone, data],
  );
  return <PreferencesContext value={preferences}>{children}</PreferencesContext>;
}

function timesIn(zone: string): Times {
  try {
    return new Times(zone);
  } catch {
    // A zone that this browser does not know.
    return new Times("");
  }
}
