import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { whenHeard } from "../store/queries";
import { followOutcomes } from "../store/actions";
import { ChoiceProvider } from "../store/choice";
import { type Live, LiveContext, LiveStore } from "../store/live-store";
import { LiveSocket } from "../lib/websocket";
import { Alerts } from "../panels/Alerts";
import { AccountsAndBridges } from "../panels/AccountsAndBridges";
import { Commands } from "../panels/Commands/Commands";
import { History } from "../panels/History";
import { QuickActions } from "../panels/QuickActions/QuickActions";
import { Settings } from "../panels/Settings/Settings";
import { PreferencesProvider } from "../session/preferences";
import { useSession } from "../session/session";
import { Loading } from "../ui/Panel";
import { Desk } from "./Desk";
import { Header } from "./Header";
import { Navigation } from "./Navigation";
import { useRoute } from "./route";
import { SessionWatch } from "./SessionWatch";
import { SnapshotFallback } from "./SnapshotFallback";

const Signals = lazy(() => import("../panels/Signals/Signals"));
const WebSocketTester = lazy(() => import("../panels/WebSocketTester"));

/** Everything that is seen by who is signed in. */
export function Cockpit() {
  const live = useLiveConnection();
  if (live === null) return null;
  return (
    <LiveContext value={live}>
      <PreferencesProvider>
        <ChoiceProvider>
          <SessionWatch />
          <SnapshotFallback />
          <a className="skip" href="#content">
            Skip to the content
          </a>
          <Header />
          <QuickActions />
          <div className="body">
            <Navigation />
            <main id="content" tabIndex={-1}>
              <Page />
            </main>
          </div>
        </ChoiceProvider>
      </PreferencesProvider>
    </LiveContext>
  );
}

function Page() {
  const route = useRoute();
  const { info } = useSession();
  switch (route) {
    case "commands":
      return <Commands />;
    case "alerts":
      return <Alerts />;
    case "history":
      return <History />;
    case "signals":
      return (
        <Suspense fallback={<Loading what="signals" />}>
          <Signals />
        </Suspense>
      );
    case "accounts":
      return <AccountsAndBridges />;
    case "settings":
      return <Settings />;
    case "tester":
      if (!info.dev) return <Desk />;
      return (
        <Suspense fallback={<Loading what="the tester" />}>
          <WebSocketTester />
        </Suspense>
      );
    default:
      return <Desk />;
  }
}

function useLiveConnection(): Live | null {
  const [live, setLive] = useState<Live | null>(null);
  const queries = useQueryClient();
  const store = useMemo(() => new LiveStore(), []);
  useEffect(() => {
    const socket = new LiveSocket({
      onFrame: (frame) => store.frame(frame),
      onView: (view) => store.connectionChanged(view),
    });
    const ends = [followOutcomes(store), whenHeard(store, queries)];
    socket.start();
    setLive({ store, socket });
    return () => {
      socket.stop();
      for (const end of ends) end();
    };
  }, [store, queries]);
  return live;
}
