import type { ButtonHTMLAttributes, ReactNode } from "react";

type Kind = "plain" | "accent" | "danger" | "quiet";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  small?: boolean;
  /** An action runs: the button says so and takes no second press. */
  busy?: boolean;
  children: ReactNode;
}

/** A button that does a thing once: neither a held Enter nor a press while busy does it again. */
export function Button({ kind = "plain", small = false, busy = false, disabled, children, onKeyDown, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={`button ${kind} ${small ? "small" : ""} ${rest.className ?? ""}`}
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else rest.onClick?.(event);
      }}
      onKeyDown={(event) => {
        // A held Enter would press the button again and again.
        if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault();
        onKeyDown?.(event);
      }}
    >
      {busy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}
