import { Failure, Skeleton } from '@/ui/Blank';
import type { ReactNode } from 'react';

interface Props<Answer> {
  /** Of what, in the plural. */
  what: string;
  query: { data: Answer | undefined; error: unknown; refetch: () => unknown };
  rows?: number;
  children: (answer: Answer) => ReactNode;
}

/** What a query brought; until then that it is on its way, or that it failed. */
export function Loaded<Answer>({ what, query, rows, children }: Props<Answer>) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) {
    return <Failure title={`The ${what} cannot be loaded`} error={query.error} retry={() => void query.refetch()} />;
  }
  return <Skeleton label={`Loading the ${what}`} {...(rows ? { rows } : {})} />;
}
