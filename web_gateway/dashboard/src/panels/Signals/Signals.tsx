import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../lib/api";
import type { Signal } from "../../lib/contract";
import { useChoice } from "../../store/choice";
import { SIGNALS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Empty, Failed, Loading, Panel } from "../../ui/Panel";
import { SignalRow } from "./SignalRow";
import { Sources } from "./Sources";
import { useSources } from "./source-data";
import { TryMessage } from "./TryMessage";
import { STATES } from "./words";

const PAGE = 50;

interface Filter {
  state: Signal["state"] | "";
  sourceId: string;
  query: string;
  code: string;
}

const ALL: Filter = { state: "", sourceId: "", query: "", code: "" };

/** Messages of signal providers, and what was decided on each; the sources that they come from. */
export default function Signals() {
  const { accountId } = useChoice();
  const sources = useSources();
  const [filter, setFilter] = useState(ALL);
  const [trying, setTrying] = useState(false);
  const list = useInfiniteQuery({
    queryKey: [SIGNALS, accountId, filter],
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/signals", {
          params: {
            query: {
              pageToken: pageParam,
              pageSize: PAGE,
              accountId: accountId ?? "",
              sourceId: filter.sourceId,
              query: filter.query.trim(),
              code: filter.code.trim().toUpperCase(),
              ...(filter.state === "" ? {} : { state: filter.state }),
            },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => (page.nextPageToken === "" ? undefined : page.nextPageToken),
    placeholderData: (before) => before,
  });
  const shown = list.data?.pages.flatMap((page) => page.signals) ?? [];
  const filtered = JSON.stringify(filter) !== JSON.stringify(ALL);
  const put = (more: Partial<Filter>) => setFilter((now) => ({ ...now, ...more }));

  return (
    <>
      <Panel
        title="Signals"
        className="signals"
        actions={
          <Button small onClick={() => setTrying(true)}>
            Try a message…
          </Button>
        }
      >
        <div className="signal-filter" role="search" aria-label="Signals">
          <label>
            State
            <select value={filter.state} onChange={(event) => put({ state: STATES.find(([each]) => each === event.target.value)?.[0] ?? "" })}>
              <option value="">all</option>
              {STATES.map(([state, text]) => (
                <option key={state} value={state}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          <label>
            Source
            <select value={filter.sourceId} onChange={(event) => put({ sourceId: event.target.value })}>
              <option value="">all</option>
              {sources.data?.map((source) => (
                <option key={source.sourceId} value={source.sourceId}>
                  {source.name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Text
            <input value={filter.query} maxLength={100} onChange={(event) => put({ query: event.target.value })} />
          </label>
          <label>
            Reason
            <input value={filter.code} maxLength={64} placeholder="MAX_RISK" onChange={(event) => put({ code: event.target.value })} />
          </label>
        </div>
        {list.isPending ? (
          <Loading what="signals" />
        ) : list.isError ? (
          <Failed what="Signals" error={list.error} onRetry={() => void list.refetch()} />
        ) : shown.length === 0 ? (
          <Empty>
            {filtered
              ? "No signal is like that."
              : sources.data?.length === 0
                ? "No message came yet. Make a source below: a webhook, a Telegram chat, or your own program."
                : "No message came yet."}
          </Empty>
        ) : (
          <div className="table-scroll" tabIndex={0} role="region" aria-label="Signals">
            <table className="table cards signal-table">
              <thead>
                <tr>
                  <th scope="col">Message</th>
                  <th scope="col">Read as</th>
                  <th scope="col">Decided</th>
                  <th scope="col"><span className="sr">Actions</span></th>
                </tr>
              </thead>
              <tbody>
                {shown.map((signal) => (
                  <SignalRow key={signal.signalId} signal={signal} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {list.hasNextPage && (
          <Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Older
          </Button>
        )}
      </Panel>
      <Sources />
      {trying && <TryMessage onClose={() => setTrying(false)} />}
    </>
  );
}
