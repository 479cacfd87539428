import { useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { UserSettings } from "../../lib/contract";
import { SETTINGS, usePreferences } from "../../session/preferences";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { SelectField } from "../../ui/Field";
import { Loading, Panel } from "../../ui/Panel";
import { Toggle } from "../../ui/Toggle";

const ZONES = Intl.supportedValuesOf("timeZone");

/** How the dashboard looks and asks; kept at the server, the same in every browser. */
export function Look() {
  const { settings, known } = usePreferences();
  const queries = useQueryClient();
  const busy = usePending("settings");
  const set = (settings_: Partial<UserSettings>) =>
    void change("settings", "Settings", async () => {
      const answer = await ask(api.PUT("/api/settings", { body: { settings: settings_ as UserSettings } }));
      queries.setQueryData(SETTINGS, answer.settings);
    });
  return (
    <Panel title="Look and confirmations">
      {!known ? (
        <Loading what="settings" />
      ) : (
        <div className="settings-grid">
          <SelectField
            label="Theme"
            value={settings.theme}
            disabled={busy}
            onChange={(event) => set({ theme: event.target.value as UserSettings["theme"] })}
          >
            <option value="UNSPECIFIED">as the system says</option>
            <option value="LIGHT">light</option>
            <option value="DARK">dark</option>
          </SelectField>
          <SelectField
            label="Gains are"
            value={settings.colourPolarity === "RED_UP" ? "RED_UP" : "GREEN_UP"}
            disabled={busy}
            hint="Sign and shape tell gains and losses in either case."
            onChange={(event) => set({ colourPolarity: event.target.value as UserSettings["colourPolarity"] })}
          >
            <option value="GREEN_UP">green, losses red</option>
            <option value="RED_UP">red, losses green</option>
          </SelectField>
          <SelectField
            label="Time zone"
            value={settings.timeZone}
            disabled={busy}
            onChange={(event) => set({ timeZone: event.target.value })}
          >
            <option value="">this browser's ({Intl.DateTimeFormat().resolvedOptions().timeZone})</option>
            {(settings.timeZone === "" || ZONES.includes(settings.timeZone) ? ZONES : [settings.timeZone, ...ZONES]).map(
              (zone) => (
                <option key={zone} value={zone}>
                  {zone}
                </option>
              ),
            )}
          </SelectField>
          <div className="field">
            <Toggle
              label="Ask before closing, modifying and ordering"
              checked={settings.confirmActions}
              disabled={busy}
              onChange={(confirmActions) => set({ confirmActions })}
            />
            {!settings.confirmActions && (
              <p className="notice">
                Confirmations are off: one press acts on real positions. The header says so on every page.
              </p>
            )}
          </div>
        </div>
      )}
    </Panel>
  );
}
