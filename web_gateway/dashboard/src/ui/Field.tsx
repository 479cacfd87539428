import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";

interface Common {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
}

export function TextField({ label, hint, problem, ...input }: Common & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} {...input} aria-invalid={problem !== undefined} aria-describedby={`${id}-note`} />
      <Note id={`${id}-note`} hint={hint} problem={problem} />
    </div>
  );
}

export function TextAreaField({ label, hint, problem, ...area }: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} {...area} aria-invalid={problem !== undefined} aria-describedby={`${id}-note`} />
      <Note id={`${id}-note`} hint={hint} problem={problem} />
    </div>
  );
}

export function NumberField(props: Common & InputHTMLAttributes<HTMLInputElement>) {
  return <TextField inputMode="decimal" autoComplete="off" {...props} />;
}

export function SelectField({
  label,
  hint,
  problem,
  children,
  ...select
}: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} {...select} aria-describedby={`${id}-note`}>
        {children}
      </select>
      <Note id={`${id}-note`} hint={hint} problem={problem} />
    </div>
  );
}

function Note({ id, hint, problem }: { id: string; hint: ReactNode; problem: string | undefined }) {
  return (
    <div id={id} className={problem === undefined ? "field-hint" : "field-problem"}>
      {problem ?? hint}
    </div>
  );
}

/** What a person typed as a number: `undefined` for nothing, NaN for what is none. */
export function typedNumber(text: string): number | undefined {
  const plain = text.trim().replace(",", ".");
  return plain === "" ? undefined : Number(plain);
}

/** What was typed into the form's field of that name. */
export function typedText(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
