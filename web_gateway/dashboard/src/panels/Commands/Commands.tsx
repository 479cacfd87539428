import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Command, CommandState } from "../../lib/contract";
import { lots, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { change } from "../../store/actions";
import { accountName, useChoice } from "../../store/choice";
import { isFinal } from "../../store/live-state";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { COMMANDS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Empty, Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { asked } from "./asked";
import { ResolveDialog } from "./ResolveDialog";

const STATES: readonly CommandState[] = [
  "UNKNOWN",
  "PENDING",
  "DELIVERED",
  "RUNNING",
  "SUCCEEDED",
  "PARTIAL",
  "REJECTED",
  "EXPIRED",
  "CANCELLED",
  "FENCED",
];

/** What was asked of the terminals, with its life; a person resolves what nobody knows. */
export function Commands() {
  const { accountId } = useChoice();
  const live = useLive((state) => state.commands);
  const accounts = useLive((state) => state.accounts);
  const [state, setState] = useState<CommandState | "">("");
  const [resolving, setResolving] = useState<Command | null>(null);
  const list = useInfiniteQuery({
    queryKey: [COMMANDS, accountId, state],
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/commands", {
          params: {
            query: { accountId: accountId ?? "", pageToken: pageParam, pageSize: 50, ...(state === "" ? {} : { state }) },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => (page.nextPageToken === "" ? undefined : page.nextPageToken),
  });
  const shown = useMemo(() => {
    const listed = list.data?.pages.flatMap((page) => page.commands) ?? [];
    // The stream is ahead of the list.
    return listed.map((command) => {
      const heard = live.get(command.commandId);
      return heard !== undefined && isFinal(heard) && !isFinal(command) ? heard : command;
    });
  }, [list.data, live]);

  return (
    <Panel
      title="Commands"
      actions={
        <label className="filter">
          State{" "}
          <select value={state} onChange={(event) => setState(STATES.find((each) => each === event.target.value) ?? "")}>
            <option value="">all</option>
            {STATES.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {list.isPending ? (
        <Loading what="commands" />
      ) : list.isError ? (
        <Failed what="Commands" error={list.error} onRetry={() => void list.refetch()} />
      ) : shown.length === 0 ? (
        <Empty>{state === "" ? "Nothing was asked of a terminal yet." : `No command is ${words(state)}.`}</Empty>
      ) : (
        <ul className="commands">
          {shown.map((command) => (
            <CommandRow
              key={command.commandId}
              command={command}
              account={accountId === null && accounts.size > 1 ? accountName(accounts.get(command.accountId)) : null}
              onResolve={() => setResolving(command)}
            />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Older
        </Button>
      )}
      {resolving !== null && <ResolveDialog command={resolving} onClose={() => setResolving(null)} />}
    </Panel>
  );
}

interface RowProps {
  command: Command;
  account: string | null;
  onResolve: () => void;
}

const GOOD = new Set(["SUCCEEDED"]);
const BAD = new Set(["REJECTED", "EXPIRED", "FENCED", "UNKNOWN"]);

function CommandRow({ command, account, onResolve }: RowProps) {
  const { store } = useLiveParts();
  const times = useTimes();
  const trade = useLive((state) => state.trades.get(command.tradeId));
  const name = `cancel ${command.commandId}`;
  const busy = usePending(name);
  const takeBack = () =>
    void change(name, "Take back", async () => {
      const answer = await ask(
        api.POST("/api/commands/{commandId}/cancel", { params: { path: { commandId: command.commandId } }, body: {} }),
      );
      if (answer.command === null) return;
      store.command(answer.command);
      if (answer.command.state === "CANCELLED") toast("done", "The command was taken back before it was done");
      else toast("note", `Too late to take it back, or not known yet: it is ${words(answer.command.state)}`);
    });
  const legs = command.legs.filter((leg) => leg.message !== "" || leg.retcode !== null);
  return (
    <li className="command" data-command={command.commandId} data-state={command.state}>
      <div className="command-head">
        <span className="command-what">
          {asked(command)}
          {trade !== undefined && command.action?.open === undefined && ` (${trade.symbol})`}
        </span>
        <span className={`state ${GOOD.has(command.state) ? "good" : BAD.has(command.state) ? "bad" : "open"}`}>
          {words(command.state)}
          {command.resolvedByPerson && " (resolved by a person)"}
        </span>
        {command.state === "UNKNOWN" && (
          <Button small kind="accent" onClick={onResolve}>
            Resolve…
          </Button>
        )}
        {(command.state === "PENDING" || command.state === "DELIVERED") && (
          <Button small busy={busy} onClick={takeBack}>
            Take back
          </Button>
        )}
      </div>
      <div className="command-more">
        {account !== null && <span>{account}</span>}
        <span>by {words(command.origin)}</span>
        <Life command={command} />
        {command.askedVolumeLots > 0 && !isPending(command) && (
          <span>
            filled {command.state === "UNKNOWN" ? "at least " : ""}
            {lots(command.filledVolumeLots)} of {lots(command.askedVolumeLots)} lots
          </span>
        )}
        <span className="quiet-text">{times.on(command.createTime)}</span>
      </div>
      {(command.message !== "" || command.reason !== "") && (
        <p className={BAD.has(command.state) ? "problem-text" : "quiet-text"}>{command.message || words(command.reason)}</p>
      )}
      {legs.length > 0 && (
        <details>
          <summary>At the terminal</summary>
          <ul className="legs">
            {legs.map((leg) => (
              <li key={leg.index}>
                {words(leg.state)}
                {leg.retcode !== null && `, return code ${leg.retcode}`}
                {leg.message !== "" && `: ${leg.message}`}
                {leg.attemptCount > 1 && ` (${leg.attemptCount} tries)`}
                {leg.dealTicket !== null && `, deal ${leg.dealTicket}`}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** It places an order that fills later, or never. */
function isPending({ action }: Command): boolean {
  const type = action?.open?.orderType;
  return type === "LIMIT" || type === "STOP";
}

/** The times of a command's life, each counted from when it was accepted. */
function Life({ command }: { command: Command }) {
  const start = command.createTime === null ? null : Date.parse(command.createTime);
  const after = (time: string | null) =>
    time === null || start === null ? null : `+${Math.max(0, Date.parse(time) - start)} ms`;
  const steps: [string, string | null][] = [
    ["in the bridge's journal", after(command.deliverTime)],
    ["call began", after(command.runTime)],
    ["ended", after(command.endTime)],
  ];
  return (
    <ol className="life">
      <li>accepted</li>
      {steps.map(([name, time]) =>
        time === null ? null : (
          <li key={name}>
            {name} <span className="number">{time}</span>
          </li>
        ),
      )}
    </ol>
  );
}
