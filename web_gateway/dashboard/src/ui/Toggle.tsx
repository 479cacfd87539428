import * as Radix from "@radix-ui/react-switch";
import { useId } from "react";

interface Props {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

export function Toggle({ label, checked, disabled = false, onChange }: Props) {
  const id = useId();
  return (
    <div className="toggle">
      <Radix.Root id={id} className="switch" checked={checked} disabled={disabled} onCheckedChange={onChange}>
        <Radix.Thumb className="switch-thumb" />
      </Radix.Root>
      <label htmlFor={id}>{label}</label>
    </div>
  );
}
