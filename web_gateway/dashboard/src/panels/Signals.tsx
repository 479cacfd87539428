import { Empty, Panel } from "../ui/Panel";

/** Signals and what was decided on each. */
export function Signals() {
  return (
    <Panel title="Signals">
      <Empty>
        This server takes no signals yet, so there are none to show. Trades are opened by hand here, or by your programs
        over <a href="/api/docs">REST and gRPC</a>.
      </Empty>
    </Panel>
  );
}
