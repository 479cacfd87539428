import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../lib/api";
import type { Bridge } from "../lib/contract";
import { words } from "../lib/format";
import { useTimes } from "../session/preferences";
import { change } from "../store/actions";
import { accountName } from "../store/choice";
import { useLive } from "../store/live-store";
import { usePending } from "../store/pending";
import { BRIDGES } from "../store/queries";
import { Button } from "../ui/Button";
import { Empty, Failed, Loading, Panel } from "../ui/Panel";
import { toast } from "../ui/toasts";
import { ConfirmDialog } from "./ConfirmDialog";
import { AccountSettings } from "./AccountSettings/AccountSettings";
import { PairDialog } from "./PairDialog";

/** Accounts, the bridges that trade them, and how far each terminal is reachable. */
export function AccountsAndBridges() {
  const ready = useLive((state) => state.ready);
  const accounts = useLive((state) => state.accounts);
  const [pairing, setPairing] = useState(false);
  const bridges = useQuery({
    queryKey: [BRIDGES],
    queryFn: async () => (await ask(api.GET("/api/bridges"))).bridges,
  });
  return (
    <>
      <Panel
        title="Accounts"
        actions={
          <Button small kind="accent" onClick={() => setPairing(true)}>
            Pair a bridge
          </Button>
        }
      >
        {!ready ? (
          <Loading what="accounts" />
        ) : accounts.size === 0 ? (
          <Empty>No account yet. It appears when its bridge is paired.</Empty>
        ) : (
          <div className="table-scroll" tabIndex={0} role="region" aria-label="Accounts">
            <table className="table cards">
              <thead>
                <tr>
                  <th scope="col">Account</th>
                  <th scope="col" className="number">Login</th>
                  <th scope="col">Broker</th>
                  <th scope="col">Kind</th>
                  <th scope="col">Terminal</th>
                </tr>
              </thead>
              <tbody>
                {[...accounts.values()].map((account) => (
                  <tr key={account.accountId} data-account={account.accountId}>
                    <th scope="row" data-label="Account">{accountName(account)}</th>
                    <td data-label="Login" className="number">{account.login ?? "not known"}</td>
                    <td data-label="Broker">
                      {account.company || "not known"}
                      {account.brokerServer !== "" && <div className="level-note">{account.brokerServer}</div>}
                    </td>
                    <td data-label="Kind">
                      {account.tradeMode === "UNSPECIFIED" ? "not known" : words(account.tradeMode)},{" "}
                      {account.marginMode === "UNSPECIFIED" ? "mode not known" : words(account.marginMode)}
                    </td>
                    <td data-label="Terminal">{terminalWords(account.bridge)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <Panel title="Bridges">
        {bridges.isPending ? (
          <Loading what="bridges" />
        ) : bridges.isError ? (
          <Failed what="Bridges" error={bridges.error} onRetry={() => void bridges.refetch()} />
        ) : bridges.data.length === 0 ? (
          <Empty>No bridge is paired. A bridge runs beside a MetaTrader 5 terminal and carries out what is asked here.</Empty>
        ) : (
          <ul className="bridges">
            {bridges.data.map((bridge) => (
              <BridgeRow key={bridge.bridgeId} bridge={bridge} onRevoked={() => void bridges.refetch()} />
            ))}
          </ul>
        )}
      </Panel>
      {[...accounts.values()].map((account) => (
        <AccountSettings key={account.accountId} account={account} />
      ))}
      {pairing && <PairDialog onClose={() => setPairing(false)} />}
    </>
  );
}

function BridgeRow({ bridge, onRevoked }: { bridge: Bridge; onRevoked: () => void }) {
  const times = useTimes();
  const accounts = useLive((state) => state.accounts);
  const [asking, setAsking] = useState(false);
  const name = `revoke ${bridge.bridgeId}`;
  const busy = usePending(name);
  const revoke = () => {
    setAsking(false);
    void change(name, "Revoke", async () => {
      await ask(
        api.POST("/api/bridges/{bridgeId}/revoke", { params: { path: { bridgeId: bridge.bridgeId } }, body: {} }),
      );
      toast("done", `${bridge.name} is revoked: it can no longer connect`);
      onRevoked();
    });
  };
  return (
    <li className="bridge" data-bridge={bridge.bridgeId} data-state={bridge.state}>
      <div>
        <strong>{bridge.name || bridge.bridgeId}</strong> for {accountName(accounts.get(bridge.accountId))}
        <div className="quiet-text">
          {words(bridge.state)} since {times.recent(bridge.stateTime)} · version {bridge.version || "not known"} · paired{" "}
          {times.recent(bridge.pairTime)}
        </div>
      </div>
      {bridge.state !== "REVOKED" && (
        <Button small kind="quiet" busy={busy} onClick={() => setAsking(true)}>
          Revoke…
        </Button>
      )}
      {asking && (
        <ConfirmDialog
          title={`Revoke ${bridge.name || "this bridge"}?`}
          description="Its session ends and it can never connect again. Commands that it was offered and that have not ended become unknown. Positions stay at the broker."
          action="Revoke"
          danger
          onConfirm={revoke}
          onClose={() => setAsking(false)}
        />
      )}
    </li>
  );
}

function terminalWords(bridge: Bridge | null): string {
  if (bridge === null) return "no bridge is paired";
  if (bridge.state !== "CONNECTED" && bridge.state !== "DEGRADED") return `not known: bridge ${words(bridge.state)}`;
  const { terminal } = bridge;
  if (terminal === null) return "not known yet";
  const broker =
    terminal.brokerConnected === null ? "" : terminal.brokerConnected ? ", connected to the broker" : ", NOT connected to the broker";
  const error = terminal.errorText === "" ? "" : ` (${terminal.errorText})`;
  return `${words(terminal.state)}${broker}${error}`;
}
