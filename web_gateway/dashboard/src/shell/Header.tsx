import { AccountSwitcher } from "../panels/AccountSwitcher";
import { ConnectionStatus } from "../panels/ConnectionStatus";
import { usePreferences } from "../session/preferences";
import { useSession } from "../session/session";
import { Mark } from "../ui/Mark";
import { Menu } from "../ui/Menu";
import { hrefOf } from "./route";

export function Header() {
  const { user, signOut } = useSession();
  const { settings } = usePreferences();
  return (
    <header className="header">
      <a className="brand" href={hrefOf("desk")} aria-label="SignalOS, to the desk">
        <Mark />
        <span className="brand-name">SignalOS</span>
      </a>
      <AccountSwitcher />
      <ConnectionStatus />
      <div className="header-end">
        {!settings.confirmActions && (
          <a className="warning-tag" href={hrefOf("settings")} title="Closing, modifying and the like act at once">
            confirmations off
          </a>
        )}
        <Menu
          label={`Signed in as ${user.userName}`}
          trigger={user.userName}
          className="button quiet user"
          items={[
            { label: "Settings", onSelect: () => (location.hash = hrefOf("settings")) },
            null,
            { label: "Sign out", onSelect: signOut },
          ]}
        />
      </div>
    </header>
  );
}
