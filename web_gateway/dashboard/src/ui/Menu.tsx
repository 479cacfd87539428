import * as Radix from "@radix-ui/react-dropdown-menu";
import type { ReactNode } from "react";

export interface MenuItem {
  label: string;
  /** Why it cannot be chosen now. */
  unavailable?: string | undefined;
  danger?: boolean;
  onSelect: () => void;
}

interface Props {
  label: string;
  trigger: ReactNode;
  items: readonly (MenuItem | null)[];
  className?: string;
}

/** A menu of actions; null is a line between them. */
export function Menu({ label, trigger, items, className = "button quiet small" }: Props) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger className={className} aria-label={label}>
        {trigger}
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {items.map((item, index) =>
            item === null ? (
              <Radix.Separator key={`line-${index}`} className="menu-line" />
            ) : (
              <Radix.Item
                key={item.label}
                className={`menu-item ${item.danger === true ? "danger" : ""}`}
                disabled={item.unavailable !== undefined}
                onSelect={item.onSelect}
              >
                {item.label}
                {item.unavailable !== undefined && <span className="menu-why">{item.unavailable}</span>}
              </Radix.Item>
            ),
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
