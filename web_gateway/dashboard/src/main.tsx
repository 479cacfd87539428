import "./styles/index.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused, Unreachable } from "./lib/api";
import { applyLastLook } from "./session/preferences";
import { SessionGate } from "./session/SessionGate";
import { Cockpit } from "./shell/Cockpit";
import { Toasts } from "./ui/Toasts";

const RETRY_MILLISECONDS = 3_000;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => !(error instanceof Refused) && failures < 2,
      // The server may be away while the stream of the gateway goes on, which then tells of nothing to read anew.
      refetchInterval: (query) => (query.state.error instanceof Unreachable ? RETRY_MILLISECONDS : false),
      refetchOnWindowFocus: true,
      staleTime: 5_000,
    },
  },
});

applyLastLook();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SessionGate>
        <Cockpit />
      </SessionGate>
      <Toasts />
    </QueryClientProvider>
  </StrictMode>,
);
