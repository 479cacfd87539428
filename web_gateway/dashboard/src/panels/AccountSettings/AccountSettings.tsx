import type { Account } from "../../lib/contract";
import { accountName } from "../../store/choice";
import { LimitsForm } from "../Limits/LimitsForm";
import { Drills } from "./Drills";
import { StealthForm } from "./StealthForm";
import { StopForm } from "./StopForm";

/** What holds for one account, wanted here and applied by its bridge. */
export function AccountSettings({ account }: { account: Account }) {
  const name = accountName(account);
  return (
    <section aria-label={`Settings of ${name}`}>
      <LimitsForm account={account} />
      <StealthForm account={account} />
      <StopForm account={account} />
      <Drills account={account} />
    </section>
  );
}
