// Acting on the terminal from the page: once, with a key, and told as it ends.
import { ActionKeys, ask, api, Refused, Unreachable } from "../lib/api";
import type { Command } from "../lib/contract";
import { toast } from "../ui/toasts";
import { isFinal } from "./live-state";
import type { LiveStore } from "./live-store";
import { once } from "./pending";
import { outcome } from "./outcomes";

const keys = new ActionKeys();
/** Commands of this page whose end is still to be told. */
const followed = new Map<string, string>();
const REACH_MILLISECONDS = 2500;

/** Tells the end of commands that were still under way when their call was answered. */
export function followOutcomes(store: LiveStore): () => void {
  return store.listen((frame) => {
    if (frame.type !== "command_update" || frame.data.command === null) return;
    const { command } = frame.data;
    const what = followed.get(command.commandId);
    if (what === undefined || (!isFinal(command) && command.state !== "UNKNOWN")) return;
    if (isFinal(command)) followed.delete(command.commandId);
    const told = outcome(what, command);
    toast(told.kind, told.text);
  });
}

interface Wish {
  /** Under which it is pending, and under which the same wish finds its key again. */
  readonly name: string;
  /** In words, e.g. `Close EURUSD`. */
  readonly what: string;
  readonly body?: unknown;
}

/**
 * Asks for a command. It is never queued: without a connection it is not sent, and says so. Answers whether the
 * server took it.
 */
export async function command(
  store: LiveStore,
  wish: Wish,
  call: (key: string) => Promise<{ command: Command | null }>,
): Promise<boolean> {
  let taken = false;
  await once(wish.name, async () => {
    if (store.connection().phase !== "connected" && !(await reachable())) {
      toast("problem", `${wish.what}: NOT sent, the server is unreachable. Nothing waits to be sent later.`);
      return;
    }
    const action = `${wish.name} ${JSON.stringify(wish.body ?? null)}`;
    try {
      const { command: answered } = await call(keys.of(action));
      if (answered === null) return;
      keys.settled(action);
      taken = true;
      store.command(answered);
      if (!isFinal(answered)) followed.set(answered.commandId, wish.what);
      const told = outcome(wish.what, answered);
      toast(told.kind, told.text);
    } catch (error) {
      if (error instanceof Refused) {
        keys.settled(action);
        toast("problem", `${wish.what}: refused. ${error.message}`);
      } else {
        toast("problem", unanswered(wish.what, error));
      }
    }
  });
  return taken;
}

/**
 * Does something that is no command (a policy, a setting) once; failures are told, those that `onRefused` takes for
 * shown elsewhere excepted. Answers whether it was done.
 */
export async function change(
  name: string,
  what: string,
  call: () => Promise<void>,
  onRefused?: (refused: Refused) => boolean,
): Promise<boolean> {
  let done = false;
  await once(name, async () => {
    try {
      await call();
      done = true;
    } catch (error) {
      if (error instanceof Refused && onRefused?.(error) === true) return;
      toast("problem", error instanceof Refused ? `${what}: refused. ${error.message}` : unanswered(what, error));
    }
  });
  return done;
}

interface PolicyAnswer {
  readonly applied: boolean;
  readonly problem: string;
}

/**
 * Sets what is wanted of one trade beyond its levels, with a key that a repeat after a lost answer finds again. Tells
 * wanted and applied apart. Answers whether the server took it.
 */
export function policy(
  wish: Wish,
  done: string,
  call: (key: string) => Promise<PolicyAnswer>,
  onRefused?: (refused: Refused) => boolean,
): Promise<boolean> {
  return change(
    wish.name,
    wish.what,
    async () => {
      const action = `${wish.name} ${JSON.stringify(wish.body ?? null)}`;
      let answer: PolicyAnswer;
      try {
        answer = await call(keys.of(action));
      } catch (error) {
        if (error instanceof Refused) keys.settled(action);
        throw error;
      }
      keys.settled(action);
      if (answer.problem !== "") toast("problem", `${wish.what}: wanted is recorded, and not applied: ${answer.problem}`);
      else if (answer.applied) toast("done", `${wish.what} ${done}, applied by the bridge`);
      else toast("note", `${wish.what}: wanted is recorded, the bridge has not applied it yet`);
    },
    onRefused,
  );
}

function unanswered(what: string, error: unknown): string {
  if (!(error instanceof Unreachable)) throw error;
  return (
    `${what}: no answer, so it is not known whether it was taken. ${error.message} ` +
    "Asked again it is the same command, not a second one."
  );
}

async function reachable(): Promise<boolean> {
  try {
    await ask(api.GET("/api/system/health", { signal: AbortSignal.timeout(REACH_MILLISECONDS) }));
    return true;
  } catch {
    return false;
  }
}
