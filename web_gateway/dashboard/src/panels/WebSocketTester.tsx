import { type SubmitEvent, useEffect, useRef, useState } from "react";
import { clock } from "../lib/clock";
import { download } from "../lib/csv";
import { age } from "../lib/format";
import type { FrameRecord } from "../lib/websocket";
import { useConnection, useLive, useLiveParts } from "../store/live-store";
import { useNow } from "../store/now";
import { Button } from "../ui/Button";
import { typedText } from "../ui/Field";
import { Empty, Panel } from "../ui/Panel";

interface Logged extends FrameRecord {
  readonly number: number;
  readonly type: string;
  readonly seq: number | null;
  /** Of an echo: since the frame that it answers was sent. */
  readonly latency: number | null;
}

const KEPT = 300;
const TIME_TO_LIVE_MILLISECONDS = 60_000;
const SAMPLES = ["emergency_stop", "trade_update", "signal_created"] as const;
const TITLES: Record<(typeof SAMPLES)[number], string> = {
  emergency_stop: "Emergency Stop",
  trade_update: "Trade Update",
  signal_created: "Signal Created",
};

/**
 * For developers: shows the frames of this page's socket. What it sends is a `test` frame, which the gateway
 * echoes to this socket alone; an echo never enters the data that is shown elsewhere.
 */
export default function WebSocketTester() {
  const { socket } = useLiveParts();
  const connection = useConnection();
  const heartbeatAt = useLive((state) => state.heartbeatAt);
  const now = useNow();
  const [log, setLog] = useState<readonly Logged[]>([]);
  const [gaps, setGaps] = useState(0);
  const [problem, setProblem] = useState("");
  const count = useRef(0);
  const sentAt = useRef(new Map<string, number>());

  useEffect(() => {
    socket.watch((record) => {
      count.current += 1;
      const logged = read(record, count.current, sentAt.current);
      if (logged.type === "gap") setGaps((many) => many + 1);
      setLog((before) => [logged, ...before].slice(0, KEPT));
    });
    return () => socket.watch(null);
  }, [socket]);

  const sendTest = (data: unknown) => {
    const id = `t${Date.now()}${Math.random().toString(36).slice(2, 6)}`;
    sentAt.current.set(id, clock.now());
    socket.send({ type: "test", data: { id, payload: data } }, TIME_TO_LIVE_MILLISECONDS);
  };
  const sendOwn = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = typedText(new FormData(event.currentTarget), "frame");
    try {
      sendTest(JSON.parse(text) as unknown);
      setProblem("");
    } catch (error) {
      setProblem(`Not JSON: ${(error as Error).message}`);
    }
  };

  return (
    <>
      <Panel title="WebSocket tester" note="development mode">
        <dl className="tester-state">
          <div>
            <dt>State</dt>
            <dd data-testid="tester-phase">{connection.phase}</dd>
          </div>
          <div>
            <dt>Attempt</dt>
            <dd>{connection.attempt}</dd>
          </div>
          <div>
            <dt>Queued</dt>
            <dd data-testid="tester-queued">{connection.queued}</dd>
          </div>
          <div>
            <dt>Ping</dt>
            <dd>{connection.latency === null ? "not measured" : `${Math.round(connection.latency)} ms`}</dd>
          </div>
          <div>
            <dt>Heartbeat</dt>
            <dd>{heartbeatAt === null ? "none yet" : `${age((now - heartbeatAt) / 1000)} ago`}</dd>
          </div>
          <div>
            <dt>Gaps</dt>
            <dd>{gaps}</dd>
          </div>
        </dl>
        <div className="tester-buttons">
          {SAMPLES.map((sample) => (
            <Button key={sample} small onClick={() => sendTest({ type: sample, note: "a test, echoed to this page alone" })}>
              {TITLES[sample]}
            </Button>
          ))}
          <Button small onClick={() => socket.cut()}>
            Cut the connection
          </Button>
          <Button small onClick={() => socket.forgetPosition()}>
            Inject a gap
          </Button>
        </div>
        <form onSubmit={sendOwn} className="tester-form">
          <label>
            Data of a test frame, JSON
            <textarea name="frame" rows={3} defaultValue={'{"any": "thing"}'} spellCheck={false} />
          </label>
          <div className="entrance-problem" role="alert">
            {problem}
          </div>
          <Button type="submit">Send</Button>
        </form>
      </Panel>
      <Panel
        title="Frames"
        note={`newest first, at most ${KEPT}`}
        actions={
          <>
            <Button small kind="quiet" onClick={() => setLog([])}>
              Clear
            </Button>
            <Button
              small
              disabled={log.length === 0}
              onClick={() => download("signalos-frames.json", JSON.stringify(log, null, 1), "application/json")}
            >
              Export
            </Button>
          </>
        }
      >
        {log.length === 0 ? (
          <Empty>No frame since this page was opened.</Empty>
        ) : (
          <ol className="frames" aria-label="Frames">
            {log.map((frame) => (
              <li key={frame.number} data-direction={frame.direction} data-type={frame.type}>
                <details>
                  <summary>
                    <span className="frame-way">{frame.direction === "in" ? "← in" : "→ out"}</span>
                    <span className="frame-type">{frame.type}</span>
                    <span>{frame.seq === null ? "" : `seq ${frame.seq}`}</span>
                    <span>{frame.latency === null ? "" : `${frame.latency.toFixed(1)} ms`}</span>
                  </summary>
                  <pre>{frame.text}</pre>
                </details>
              </li>
            ))}
          </ol>
        )}
      </Panel>
    </>
  );
}

interface Readable {
  type?: unknown;
  seq?: unknown;
  data?: { echo?: { id?: unknown } } | null;
}

function read(record: FrameRecord, number: number, sentAt: Map<string, number>): Logged {
  const frame = JSON.parse(record.text) as Readable;
  const id = record.direction === "in" && frame.type === "test" ? frame.data?.echo?.id : undefined;
  const sent = typeof id === "string" ? sentAt.get(id) : undefined;
  if (typeof id === "string") sentAt.delete(id);
  return {
    ...record,
    number,
    type: typeof frame.type === "string" ? frame.type : "no type",
    seq: typeof frame.seq === "number" ? frame.seq : null,
    latency: sent === undefined ? null : record.at - sent,
  };
}
