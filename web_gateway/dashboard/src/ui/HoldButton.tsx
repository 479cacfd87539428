import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./Button";
import { Dialog, DialogActions } from "./Dialog";

const HOLD_MILLISECONDS = 1000;

interface Props {
  /** Done once for each hold. */
  onHeld: () => void;
  /** What a press that cannot be held, such as that of a screen reader, is asked instead. */
  question: { title: string; description: string; action: string };
  busy?: boolean;
  children: ReactNode;
  className?: string;
}

/** Acts after it was held down for a second, by pointer or key. */
export function HoldButton({ onHeld, question, busy = false, children, className = "" }: Props) {
  const [holding, setHolding] = useState(false);
  const [asking, setAsking] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  // A click follows each release; it is no press of its own then.
  const held = useRef(false);

  const release = () => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    setHolding(false);
  };
  useEffect(() => release, []);

  const hold = () => {
    if (timer.current !== null) return;
    held.current = true;
    setHolding(true);
    timer.current = setTimeout(() => {
      release();
      onHeld();
    }, HOLD_MILLISECONDS);
  };

  const button = (
    <button
      type="button"
      className={`hold ${holding ? "holding" : ""} ${className}`}
      aria-busy={busy || undefined}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        hold();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        if (!event.repeat) hold();
      }}
      onKeyUp={(event) => {
        if (event.key === "Enter" || event.key === " ") release();
      }}
      onBlur={release}
      onClick={() => {
        if (!held.current) setAsking(true);
        held.current = false;
      }}
    >
      <span className="hold-fill" aria-hidden="true" />
      <span className="hold-text">{children}</span>
    </button>
  );

  return (
    <>
      {button}
      <Dialog title={question.title} description={question.description} open={asking} onClose={() => setAsking(false)}>
        <DialogActions>
          <Button onClick={() => setAsking(false)}>No</Button>
          <Button
            kind="danger"
            onClick={() => {
              setAsking(false);
              onHeld();
            }}
          >
            {question.action}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
