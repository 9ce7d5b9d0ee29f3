import { formatNumber } from '@/formatting/phone';
import { ArrowIcon } from '@/ui/icons';

/** Caller → callee. */
export function Parties({ from, to }: { from: string | null; to: string | null }) {
  return (
    <span className="parties">
      <span className="sr-only">from </span>
      <Party number={from} />
      <ArrowIcon className="size-4 text-muted" />
      <span className="sr-only"> to </span>
      <Party number={to} />
    </span>
  );
}

function Party({ number }: { number: string | null }) {
  return (
    <span className={number ? 'party' : 'party text-muted'} title={number ?? undefined}>
      {number ? formatNumber(number) : 'Unknown'}
    </span>
  );
}
