import { useState } from "react";
import type { ConnectionView } from "../lib/connection";
import { count } from "../lib/format";
import { accountName, useShownAccounts } from "../store/choice";
import { useConnection, useLive, useLiveParts } from "../store/live-store";
import { useNow } from "../store/now";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { Lamp, type LampState } from "../ui/Lamp";
import { accountLinks, type Link, marketWords, serverLink, worst } from "./chain";

const PHASES: Record<ConnectionView["phase"], { lamp: LampState; text: string }> = {
  connected: { lamp: "on", text: "connected" },
  connecting: { lamp: "unknown", text: "connecting" },
  disconnected: { lamp: "off", text: "disconnected" },
  error: { lamp: "alarm", text: "error" },
};

/** The connection and the chain behind it, always in sight. */
export function ConnectionStatus() {
  const connection = useConnection();
  const { socket } = useLiveParts();
  const state = useLive((each) => each);
  const accounts = useShownAccounts();
  const now = useNow();
  const [open, setOpen] = useState(false);
  const { phase, attempt, queued, retryAt } = connection;
  const { lamp, text } = PHASES[phase];

  const server = serverLink(connection, state, now);
  const behind = accounts.map((account) => accountLinks(account, state.chains.get(account.accountId), state, now));
  const links = [server, ...[0, 1, 2].flatMap((index) => worst(behind.flatMap((each) => each[index] ?? [])) ?? [])];
  const markets = accounts.flatMap((each) => marketWords(state.chains.get(each.accountId), state.heartbeatAt, now) ?? []);

  return (
    <div className="connection" data-phase={phase}>
      <div className="connection-phase" role="status">
        {phase === "connecting" ? <span className="spinner" aria-hidden="true" /> : <Lamp state={lamp} />}
        <span className="connection-word">{text}</span>
        {phase !== "connected" && attempt > 1 && <span className="connection-more">attempt {attempt}</span>}
        {queued > 0 && <span className="connection-more">{queued} queued</span>}
      </div>
      {phase === "disconnected" && retryAt !== null && (
        <span className="connection-more" aria-hidden="true">
          again in {Math.max(0, Math.ceil((retryAt - now) / 1000))} s
        </span>
      )}
      {phase === "error" && <span className="connection-more">{whyError(connection)}</span>}
      {(phase === "error" || phase === "disconnected") && (
        <Button small onClick={() => socket.retry()}>
          Retry
        </Button>
      )}
      <button type="button" className="chain" onClick={() => setOpen(true)}>
        <span className="sr">Chain to the broker: </span>
        {links.map((link) => (
          <span key={link.name} className="chain-link" data-link={link.name} data-lamp={link.lamp}>
            <Lamp state={link.lamp} />
            <span className="chain-name">{link.name}</span>
            <span className="chain-age">{link.text}</span>
            {link.lamp !== "on" && <span className="sr"> {link.words};</span>}
          </span>
        ))}
        {markets.length > 0 && <span className="chain-market">{markets[0]}</span>}
      </button>
      <Dialog
        title="From this page to the broker"
        description="How long ago each link of the chain was heard. From 10 s on it is stale, from 20 s on it counts as lost."
        open={open}
        onClose={() => setOpen(false)}
      >
        <dl className="chain-list">
          <ChainRow link={server} />
          {accounts.map((account, index) => (
            <div key={account.accountId} className="chain-account">
              <h3>{accountName(account)}</h3>
              {behind[index]?.map((link) => (
                <ChainRow key={link.name} link={link} />
              ))}
              {markets[index] !== undefined && <p className="quiet-text">Market: {markets[index]}</p>}
            </div>
          ))}
        </dl>
        <p className="quiet-text">
          {connection.latency === null
            ? "The way to the gateway and back was not measured yet."
            : `To the gateway and back: ${Math.round(connection.latency)} ms.`}{" "}
          {queued > 0 && `${count(queued, "frame")} wait for the connection. Orders never wait: offline they are not sent.`}
        </p>
        <DialogActions>
          <Button onClick={() => setOpen(false)}>Close</Button>
        </DialogActions>
      </Dialog>
    </div>
  );
}

function ChainRow({ link }: { link: Link }) {
  return (
    <div className="chain-row">
      <dt>
        <Lamp state={link.lamp} /> {link.name}
      </dt>
      <dd>{link.words}</dd>
    </div>
  );
}

function whyError(connection: ConnectionView): string {
  return connection.reason === "origin"
    ? "this address may not connect; the gateway's operator allows it with --public-origin"
    : "the session is over";
}
