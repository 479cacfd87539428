import { Look } from "./Look";
import { Password } from "./Password";
import { Sessions } from "./Sessions";
import { Tokens } from "./Tokens";

export function Settings() {
  return (
    <>
      <Look />
      <Password />
      <Sessions />
      <Tokens />
    </>
  );
}
