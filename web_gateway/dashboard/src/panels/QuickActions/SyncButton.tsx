import { useState } from "react";
import { api, ask } from "../../lib/api";
import type { SyncReport } from "../../lib/contract";
import { count } from "../../lib/format";
import { change } from "../../store/actions";
import { accountName, useChoice } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { SyncReportView } from "./SyncReportView";

interface Found {
  dryRun: boolean;
  reports: readonly SyncReport[];
  unanswered: readonly string[];
}

/** Compares the record with the terminal and shows what was different. */
export function SyncButton() {
  const { accountId } = useChoice();
  const accounts = useLive((state) => state.accounts);
  const [found, setFound] = useState<Found | null>(null);
  const busy = usePending("sync");

  const sync = (dryRun: boolean) =>
    void change("sync", "Sync", async () => {
      const answer = await ask(
        api.POST("/api/firebridge/force-sync", { body: { accountId: accountId ?? "", dryRun } }),
      );
      setFound({ dryRun, reports: answer.reports, unanswered: answer.unansweredAccountIds });
    });

  return (
    <>
      <Button busy={busy} onClick={() => sync(false)}>
        Sync desktop
      </Button>
      <Dialog
        title={found?.dryRun === true ? "What a sync would change" : "Sync with the terminal"}
        open={found !== null}
        onClose={() => setFound(null)}
        wide
      >
        {found?.reports.map((report) => (
          <SyncReportView key={report.syncId} report={report} account={accountName(accounts.get(report.accountId))} />
        ))}
        {found?.unanswered.map((each) => (
          <p key={each} className="notice">
            {accountName(accounts.get(each))}: its bridge is away or did not answer in time, so nothing is known of it.
          </p>
        ))}
        {found?.reports.length === 0 && found.unanswered.length === 0 && <p>There is no account to sync.</p>}
        <DialogActions>
          <span className="quiet-text">{found === null ? "" : count(found.reports.length, "report")}</span>
          <Button onClick={() => setFound(null)}>Close</Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
