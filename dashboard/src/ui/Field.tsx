import { useId, type ReactNode } from 'react';

interface Props {
  label: string;
  problem?: string | null | undefined;
  hint?: string;
  /** Given the ids that tie the control to its label and to what is said of it. */
  children: (control: { id: string; 'aria-describedby'?: string; 'aria-invalid': boolean }) => ReactNode;
}

/** A form's field with its label, a hint, and what is wrong with it. */
export function Field({ label, problem, hint, children }: Props) {
  const id = useId();
  const said = problem ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-invalid': Boolean(problem), ...(said ? { 'aria-describedby': `${id}-said` } : {}) })}
      {said && (
        <p id={`${id}-said`} className={problem ? 'field-problem' : 'field-hint'}>
          {said}
        </p>
      )}
    </div>
  );
}
