import { useState } from "react";
import { api, ask } from "../../lib/api";
import type { Trade } from "../../lib/contract";
import { count } from "../../lib/format";
import { command } from "../../store/actions";
import { accountName } from "../../store/choice";
import { useLive, useLiveParts } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { Toggle } from "../../ui/Toggle";

/** Closes every managed trade of each account that is shown; external ones where asked. */
export function CloseAll({ trades }: { trades: readonly Trade[] }) {
  const { store } = useLiveParts();
  const accounts = useLive((state) => state.accounts);
  const [open, setOpen] = useState(false);
  const [external, setExternal] = useState(false);
  const busy = usePending("close-all");
  const outside = trades.filter((trade) => trade.origin === "EXTERNAL");
  const ours = trades.length - outside.length;
  const many = ours + (external ? outside.length : 0);

  const close = () => {
    setOpen(false);
    for (const accountId of new Set(trades.map((trade) => trade.accountId))) {
      const body = { accountId, external };
      const what = `Close all at ${accountName(accounts.get(accountId))}`;
      void command(store, { name: `close-all ${accountId}`, what, body }, (key) =>
        ask(api.POST("/api/trades/close-all", { body, params: { header: { "Idempotency-Key": key } } })),
      );
    }
  };

  return (
    <>
      <Button small kind="quiet" busy={busy} onClick={() => setOpen(true)}>
        Close all…
      </Button>
      <Dialog
        title="Close all trades"
        description="Trading is not stopped by this: new trades can open. The emergency stop prevents that."
        open={open}
        onClose={() => setOpen(false)}
      >
        <p>
          {count(ours, "managed trade")}
          {outside.length > 0 && ` and ${count(outside.length, "external one")}`} of what is shown.
        </p>
        {outside.length > 0 && (
          <Toggle label="Close the external ones too" checked={external} onChange={setExternal} />
        )}
        <DialogActions>
          <Button onClick={() => setOpen(false)}>Keep</Button>
          <Button kind="danger" disabled={many === 0} onClick={close}>
            Close {count(many, "trade")}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
