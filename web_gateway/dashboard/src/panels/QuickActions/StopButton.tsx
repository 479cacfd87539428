import { accountName, useChoice } from "../../store/choice";
import { useLive, useLiveParts } from "../../store/live-store";
import { HoldButton } from "../../ui/HoldButton";
import { emergencyStop, useStopCall } from "./stopping";

/** Held for a second it halts at once what its text says. */
export function StopButton() {
  const { store } = useLiveParts();
  const { accountId } = useChoice();
  const accounts = useLive((state) => state.accounts);
  const call = useStopCall();
  const scope = accountId === null ? "all accounts" : accountName(accounts.get(accountId));
  const stop = () => void emergencyStop(store, accountId === null ? null : [accountId], false);

  return (
    <div className="stop">
      <HoldButton
        className="stop-button"
        busy={call.is === "sending"}
        onHeld={stop}
        question={{
          title: `Stop trading, ${scope}?`,
          description: "Nothing opens any more, our pending orders are cancelled. Positions stay, and stay guarded.",
          action: "Stop trading",
        }}
      >
        <span className="sr">Emergency </span>
        <span className="stop-word">{call.is === "sending" ? "Stopping…" : "Stop"}</span>
        <span className="stop-scope">hold 1 s · {scope}</span>
      </HoldButton>
    </div>
  );
}
