import { api, ask } from "../../lib/api";
import { change } from "../../store/actions";
import { useChoice, useShownAccounts } from "../../store/choice";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Toggle } from "../../ui/Toggle";
import { toast } from "../../ui/toasts";

/** Stealth keeps levels at the bridge, hidden from the broker; what is wanted and what is applied are two things. */
export function StealthSwitch() {
  const { store } = useLiveParts();
  const { accountId } = useChoice();
  const accounts = useShownAccounts();
  const trading = useLive((state) => state.trading);
  const busy = usePending("stealth");
  const states = accounts.flatMap((account) => trading.get(account.accountId) ?? []);
  const wanted = states.length > 0 && states.every((state) => state.wanted?.stealth);
  const differing = states.filter((state) => state.applied?.stealth !== state.wanted?.stealth).length;
  const mixed = states.some((state) => state.wanted?.stealth) && !wanted;

  const set = (stealthMode: boolean) =>
    void change("stealth", "Stealth", async () => {
      const { states: after } = await ask(
        api.POST("/api/trading/stealth-toggle", { body: { accountId: accountId ?? "", stealthMode } }),
      );
      store.trading(after);
      const waiting = after.filter((state) => state.applied?.stealth !== stealthMode).length;
      const word = stealthMode ? "on" : "off";
      if (waiting === 0) toast("done", `Stealth is ${word}, applied by the bridge`);
      else toast("note", `Stealth ${word} is recorded; the bridge has not applied it yet`);
    });

  return (
    <div className="stealth">
      <Toggle label="Stealth" checked={wanted} disabled={busy || states.length === 0} onChange={set} />
      <span className="stealth-note">{mixed ? "on at some" : differing > 0 ? "not applied yet" : ""}</span>
    </div>
  );
}
