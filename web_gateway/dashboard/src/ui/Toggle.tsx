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
      <button
        id={id}
        type="button"
        role="switch"
        className="switch"
        aria-checked={checked}
        disabled={disabled}
        onClick={() => onChange(!checked)}
      >
        <span className="switch-thumb" />
      </button>
      <label htmlFor={id}>{label}</label>
    </div>
  );
}
