// Keeps a WebSocket open, and goes on where it ended.
const DELAYS_SECONDS = [1, 2, 4, 8, 16, 30];

export function connect({ status, frame, signedOut }) {
  let socket = null;
  let attempt = 0;
  let stopped = false;
  let cursor = null;
  let timer = null;

  function open() {
    status("connecting");
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => {
      if (stopped) return;
      if (code === 4503 || code === 4504) {
        signedOut();
        return;
      }
      const delay = Math.random() * DELAYS_SECONDS[Math.min(attempt, DELAYS_SECONDS.length - 1)];
      attempt += 1;
      status(`disconnected; what is shown is old (attempt ${attempt})`);
      timer = setTimeout(open, delay * 1000);
    });
  }

  function receive(message) {
    if (message.type === "authenticated") {
      attempt = 0;
      status("connected");
      socket.send(JSON.stringify({ type: "subscribe", data: cursor ?? {} }));
    } else if (message.type === "heartbeat") {
      status(message.data.serverConnected
        ? "connected"
        : `server away for ${message.data.serverAgeSeconds.toFixed(0)} s`);
    }
    if (message.type === "snapshot") cursor = { afterSeq: message.data.seq, epoch: message.data.epoch };
    else if (message.seq !== undefined && cursor) cursor = { ...cursor, afterSeq: message.seq };
    frame(message);
  }

  open();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
