import { useEffect } from "react";
import { api, ask } from "../lib/api";
import { useConnection } from "../store/live-store";

/** When the socket's credentials are refused, asks whether the session is over; the answer shows the entrance. */
export function SessionWatch() {
  const { phase, reason } = useConnection();
  useEffect(() => {
    if (phase !== "error" || reason !== "credentials") return;
    // A refusal is acted upon where every call is; anything else leaves the error on show.
    ask(api.GET("/api/user")).catch(() => undefined);
  }, [phase, reason]);
  return null;
}
