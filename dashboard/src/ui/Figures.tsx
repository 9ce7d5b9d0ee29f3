import { NOTHING } from '@/formatting/figures';
import type { ReactNode } from 'react';

/** A row of figures with their names. */
export function Figures({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className="figures" aria-label={label}>
      {children}
    </dl>
  );
}

interface Props {
  label: string;
  /** Null where it is not known yet, or there is none. */
  value: string | null;
  note?: string;
  tone?: 'good' | 'warm' | 'bad';
}

export function Figure({ label, value, note, tone }: Props) {
  return (
    <div className="figure">
      <dt className="figure-label">
        {tone && <span className={`dot dot-${tone}`} />}
        {label}
      </dt>
      <dd className="figure-value">{value ?? NOTHING}</dd>
      {note && <dd className="figure-note">{note}</dd>}
    </div>
  );
}
