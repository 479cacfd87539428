import { useTimes } from "../../session/preferences";
import { useShownAccounts } from "../../store/choice";
import { useConnection, useLive } from "../../store/live-store";
import { Lamp, type LampState } from "../../ui/Lamp";
import { PauseButton } from "./PauseButton";
import { standing } from "./standing";
import { StealthSwitch } from "./StealthSwitch";
import { StopButton } from "./StopButton";
import { StopProgress } from "./StopProgress";
import { SyncButton } from "./SyncButton";

const LAMPS: Record<string, LampState> = { trading: "on", paused: "slow", stopped: "alarm", unknown: "unknown" };

/** Whether trading is allowed, and what changes it; on every page. */
export function QuickActions() {
  const accounts = useShownAccounts();
  const trading = useLive((state) => state.trading);
  const { phase } = useConnection();
  const times = useTimes();
  const { word, title, applied, notes } = standing(accounts, trading, times);
  return (
    <section className={`quick ${word}`} aria-label="Quick actions">
      <div className="quick-row">
        <div className="quick-state" data-standing={word} data-applied={applied}>
          <div className="quick-title">
            <Lamp state={applied ? (LAMPS[word] ?? "unknown") : "slow"} />
            {title}
            {phase !== "connected" && <span className="tag amber">as last known</span>}
          </div>
          <div className="quick-notes">
            {notes.map((note) => (
              <div key={note}>{note}</div>
            ))}
          </div>
        </div>
        <div className="quick-buttons">
          <PauseButton />
          <StealthSwitch />
          <SyncButton />
        </div>
        <StopButton />
      </div>
      <StopProgress />
    </section>
  );
}
