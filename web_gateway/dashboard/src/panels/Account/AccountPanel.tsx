import { Fragment, lazy, Suspense } from "react";
import { number, words } from "../../lib/format";
import type { Account } from "../../lib/contract";
import { accountName, useShownAccounts } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { useReadAge } from "../../store/read-age";
import { Age, freshness } from "../../ui/Age";
import { Empty, Loading, Panel } from "../../ui/Panel";
import { Profit } from "../../ui/Profit";
import { hrefOf } from "../../shell/route";
import { LimitsView } from "../Limits/LimitsView";

const EquityCurve = lazy(() => import("./EquityCurve"));

/** Money of each account that is shown, as its terminal last read it. */
export function AccountPanel() {
  const ready = useLive((state) => state.ready);
  const accounts = useShownAccounts();
  const [only] = accounts;
  return (
    <Panel title={accounts.length === 1 && only !== undefined ? accountName(only) : "Accounts"} className="account-panel">
      {!ready ? (
        <Loading what="accounts" />
      ) : only === undefined ? (
        <Empty>
          No account yet. An account appears when a bridge is paired: <a href={hrefOf("accounts")}>pair a bridge</a>.
        </Empty>
      ) : (
        accounts.map((account) => (
          <Fragment key={account.accountId}>
            <Figures account={account} named={accounts.length > 1} />
            <LimitsView account={account} brief={accounts.length > 1} />
          </Fragment>
        ))
      )}
      {only !== undefined && accounts.length === 1 && (
        <Suspense fallback={<div className="curve-space" />}>
          <EquityCurve account={only} />
        </Suspense>
      )}
    </Panel>
  );
}

function Figures({ account, named }: { account: Account; named: boolean }) {
  const money = useLive((state) => state.money.get(account.accountId));
  const seconds = useReadAge(account.accountId, money);
  const stale = freshness(seconds) !== "fresh";
  if (money === undefined) {
    return (
      <Empty>
        {named && `${accountName(account)}: `}
        {account.bridge === null ? "no bridge is paired" : `no terminal has told its money yet (bridge ${words(account.bridge.state)})`}
        .
      </Empty>
    );
  }
  return (
    <div className={`figures ${stale ? "stale" : ""}`}>
      {named && <div className="figures-name">{accountName(account)}</div>}
      <Figure name="Equity" main value={number(money.equity)} unit={account.currency} />
      <Figure name="Balance" value={number(money.balance)} />
      <div className="figure">
        <div className="figure-name">Open profit</div>
        <div className="figure-value">
          <Profit value={money.profit} stale={stale} />
        </div>
      </div>
      <Figure name="Margin" value={number(money.margin)} />
      <Figure name="Free margin" value={number(money.freeMargin)} />
      <Figure name="Margin level" value={level(money)} />
      <div className="figure figure-age">
        <div className="figure-name">Read</div>
        <div className="figure-value">
          <Age seconds={seconds} /> ago
        </div>
      </div>
    </div>
  );
}

function level(money: { margin: number | null; marginLevelPercent: number | null }): string {
  if (money.marginLevelPercent !== null) return `${number(money.marginLevelPercent, 0)} %`;
  return money.margin === 0 ? "no margin bound" : "unknown";
}

function Figure({ name, value, unit, main = false }: { name: string; value: string; unit?: string; main?: boolean }) {
  return (
    <div className={`figure ${main ? "main" : ""}`}>
      <div className="figure-name">{name}</div>
      <div className="figure-value">
        {value}
        {unit !== undefined && <span className="figure-unit"> {unit}</span>}
      </div>
    </div>
  );
}
