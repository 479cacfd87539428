// What became of a command, in words; never more than the terminal confirmed.
import type { Command } from "../lib/contract";
import { lots, words } from "../lib/format";
import type { ToastKind } from "../ui/toasts";

export interface Told {
  readonly kind: ToastKind;
  readonly text: string;
}

/** `what` names the wish, e.g. `Close EURUSD`. */
export function outcome(what: string, command: Command): Told {
  const why = [command.message || words(command.reason)].filter(Boolean).join("");
  const because = why === "" ? "" : `: ${why}`;
  switch (command.state) {
    case "SUCCEEDED":
      return { kind: "done", text: `${what}: confirmed by the terminal` };
    case "PARTIAL":
      return {
        kind: "note",
        text: `${what}: done in part, ${lots(command.filledVolumeLots)} of ${lots(command.askedVolumeLots)} lots${because}`,
      };
    case "REJECTED":
      return { kind: "problem", text: `${what}: refused${because}` };
    case "EXPIRED":
      return { kind: "problem", text: `${what}: not done, its time was over${because}` };
    case "CANCELLED":
      return { kind: "note", text: `${what}: taken back before it was done` };
    case "FENCED":
      return { kind: "problem", text: `${what}: not done, it was asked before a stop${because}` };
    case "UNKNOWN":
      return {
        kind: "problem",
        text: `${what}: nobody knows yet whether it was done. It is looked up in the terminal's records, and not sent again.`,
      };
    default:
      return { kind: "note", text: `${what}: under way (${words(command.state)})` };
  }
}
