import { useId, type ReactNode } from 'react';

interface Props {
  title: string;
  /** How many there are of what it shows. */
  count?: number | undefined;
  /** What stands in its head, across from the title. */
  aside?: ReactNode;
  busy?: boolean;
  children: ReactNode;
}

/** A part of a page with its title. */
export function Panel({ title, count, aside, busy = false, children }: Props) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id} aria-busy={busy}>
      <header className="panel-head">
        <h2 id={id} className="panel-title">
          {title} {count !== undefined && <span className="count">{count}</span>}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
