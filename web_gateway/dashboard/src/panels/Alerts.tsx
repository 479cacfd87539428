import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../lib/api";
import type { Alert } from "../lib/contract";
import { count, words } from "../lib/format";
import { useTimes } from "../session/preferences";
import { change } from "../store/actions";
import { accountName, useChoice } from "../store/choice";
import { useLive, useLiveParts } from "../store/live-store";
import { usePending } from "../store/pending";
import { ALERTS } from "../store/queries";
import { Button } from "../ui/Button";
import { Empty, Failed, Loading, Panel } from "../ui/Panel";
import { Toggle } from "../ui/Toggle";

/** What a person has to know: what happened, what is known, what to do next. */
export function Alerts() {
  const { accountId } = useChoice();
  const [old, setOld] = useState(false);
  const list = useInfiniteQuery({
    queryKey: [ALERTS, accountId, old],
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/alerts", {
          params: { query: { accountId: accountId ?? "", includeAcknowledged: old, pageToken: pageParam } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => (page.nextPageToken === "" ? undefined : page.nextPageToken),
  });
  const alerts = list.data?.pages.flatMap((page) => page.alerts) ?? [];
  return (
    <Panel title="Alerts" actions={<Toggle label="Acknowledged ones too" checked={old} onChange={setOld} />}>
      {list.isPending ? (
        <Loading what="alerts" />
      ) : list.isError ? (
        <Failed what="Alerts" error={list.error} onRetry={() => void list.refetch()} />
      ) : alerts.length === 0 ? (
        <Empty>{old ? "There was no alert." : "No alert waits for you."}</Empty>
      ) : (
        <ul className="alerts">
          {alerts.map((alert) => (
            <AlertRow key={alert.alertId} alert={alert} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Older
        </Button>
      )}
    </Panel>
  );
}

function AlertRow({ alert }: { alert: Alert }) {
  const { store } = useLiveParts();
  const times = useTimes();
  const accounts = useLive((state) => state.accounts);
  const name = `acknowledge ${alert.alertId}`;
  const busy = usePending(name);
  const acknowledge = () =>
    void change(name, "Acknowledge", async () => {
      const answer = await ask(
        api.POST("/api/alerts/{alertId}/ack", { params: { path: { alertId: alert.alertId } }, body: {} }),
      );
      store.alert(answer.alert);
    });
  return (
    <li className={`alert ${alert.severity.toLowerCase()}`} data-alert={alert.alertId}>
      <div className="alert-head">
        <span className="alert-severity">{words(alert.severity)}</span>
        <strong>{alert.message}</strong>
        {alert.acknowledgeTime === null ? (
          <Button small busy={busy} onClick={acknowledge}>
            Acknowledge
          </Button>
        ) : (
          <span className="quiet-text">acknowledged {times.recent(alert.acknowledgeTime)}</span>
        )}
      </div>
      {alert.known !== "" && <p>{alert.known}</p>}
      {alert.advice !== "" && <p className="alert-advice">{alert.advice}</p>}
      <p className="quiet-text">
        {alert.accountId === "" ? "system" : accountName(accounts.get(alert.accountId))} · {times.recent(alert.createTime)}
        {alert.count > 1 && ` · ${count(alert.count, "time")}, last ${times.recent(alert.lastTime)}`} · {alert.code}
      </p>
    </li>
  );
}
