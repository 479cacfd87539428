import { words } from "../lib/format";
import { accountName, useChoice } from "../store/choice";
import { useLive } from "../store/live-store";

/** Which account is shown; with one account there is nothing to choose. */
export function AccountSwitcher() {
  const accounts = useLive((state) => state.accounts);
  const ready = useLive((state) => state.ready);
  const { accountId, choose } = useChoice();
  if (!ready) return <span className="account-one unknown">account unknown</span>;
  const all = [...accounts.values()];
  const [only] = all;
  if (only === undefined) return <span className="account-one">no account yet</span>;
  if (all.length === 1) {
    return (
      <span className="account-one">
        {accountName(only)}{" "}
        <span className={`tag ${only.tradeMode === "REAL" ? "real" : ""}`}>{words(only.tradeMode)}</span>
      </span>
    );
  }
  return (
    <select
      className="account-switcher"
      aria-label="Account"
      value={accountId ?? ""}
      onChange={(event) => choose(event.target.value === "" ? null : event.target.value)}
    >
      <option value="">All {all.length} accounts</option>
      {all.map((account) => (
        <option key={account.accountId} value={account.accountId}>
          {accountName(account)} ({words(account.tradeMode)})
        </option>
      ))}
    </select>
  );
}
