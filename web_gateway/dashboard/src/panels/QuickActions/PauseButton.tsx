import { api, ask } from "../../lib/api";
import { change } from "../../store/actions";
import { useChoice, useShownAccounts } from "../../store/choice";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { toast } from "../../ui/toasts";
import { isApplied } from "./standing";

/** Pause holds back opens of signals, webhooks and tokens; open trades stay managed. */
export function PauseButton() {
  const { store } = useLiveParts();
  const { accountId } = useChoice();
  const accounts = useShownAccounts();
  const trading = useLive((state) => state.trading);
  const busy = usePending("pause");
  const states = accounts.flatMap((account) => trading.get(account.accountId) ?? []);
  const paused = states.some((state) => state.wanted?.paused);
  const what = paused ? "Resume" : "Pause";

  const press = () =>
    void change("pause", what, async () => {
      const body = { accountId: accountId ?? "" };
      const answer = paused
        ? await ask(api.POST("/api/trading/resume", { body }))
        : await ask(api.POST("/api/trading/pause", { body }));
      store.trading(answer.states);
      const waiting = answer.states.filter((state) => !isApplied(state)).length;
      const word = paused ? "Resumed" : "Paused";
      if (waiting === 0) toast("done", `${word}, applied by the bridge`);
      else toast("note", `${word} is recorded; ${waiting} of ${answer.states.length} bridges have not applied it yet`);
    });

  return (
    <Button busy={busy} disabled={states.length === 0} onClick={press}>
      {what}
    </Button>
  );
}
