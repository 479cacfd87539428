import { useState } from "react";
import { api, ask } from "../lib/api";
import { useTimes } from "../session/preferences";
import { change } from "../store/actions";
import { accountName } from "../store/choice";
import { useLive } from "../store/live-store";
import { usePending } from "../store/pending";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { SelectField } from "../ui/Field";
import { toast } from "../ui/toasts";

/** A code with which one bridge can be paired once, within ten minutes. */
export function PairDialog({ onClose }: { onClose: () => void }) {
  const times = useTimes();
  const accounts = useLive((state) => state.accounts);
  const [accountId, setAccountId] = useState("");
  const [code, setCode] = useState<{ code: string; until: string | null } | null>(null);
  const busy = usePending("pair");
  const make = () =>
    void change("pair", "Pairing code", async () => {
      const answer = await ask(api.POST("/api/bridges/pair", { body: { accountId } }));
      setCode({ code: answer.code, until: answer.expireTime });
    });
  const line = code === null ? "" : `signalos bridge pair ${code.code}`;
  const copy = () =>
    void navigator.clipboard.writeText(line).then(
      () => toast("done", "Copied"),
      () => toast("problem", "The browser does not allow copying here; select the text instead"),
    );

  return (
    <Dialog
      title="Pair a bridge"
      description="Run the bridge on the PC of the MetaTrader 5 terminal. The broker's password is never asked for: the bridge attaches to the terminal that is logged in."
      open
      onClose={onClose}
    >
      {code === null ? (
        <>
          <SelectField label="For" value={accountId} onChange={(event) => setAccountId(event.target.value)}>
            <option value="">a new account, named after its login</option>
            {[...accounts.values()].map((account) => (
              <option key={account.accountId} value={account.accountId}>
                {accountName(account)}
              </option>
            ))}
          </SelectField>
          <DialogActions>
            <Button onClick={onClose}>Back</Button>
            <Button kind="accent" busy={busy} onClick={make}>
              Make a code
            </Button>
          </DialogActions>
        </>
      ) : (
        <>
          <p>At the terminal's PC:</p>
          <pre className="code-line" tabIndex={0}>{line}</pre>
          <p className="quiet-text">Good for one bridge, until {times.at(code.until)}.</p>
          <DialogActions>
            <Button onClick={copy}>Copy</Button>
            <Button kind="accent" onClick={onClose}>
              Done
            </Button>
          </DialogActions>
        </>
      )}
    </Dialog>
  );
}
