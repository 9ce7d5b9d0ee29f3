import { CallFilters } from '@/calls/CallFilters';
import type { ShownCall } from '@/calls/CallRow';
import { CallTable } from '@/calls/CallTable';
import { everything, isTalking, matches } from '@/calls/filter';
import { byStart, type CallPresence } from '@/hooks/useCallPresence';
import { Blank, Failure, Skeleton } from '@/ui/Blank';
import { PhoneIcon, SearchIcon } from '@/ui/icons';
import { useDeferredValue, useState } from 'react';

type Props = Pick<CallPresence, 'activeCalls' | 'endedCalls' | 'isLoading' | 'error' | 'refetch'>;

/** The calls in progress, newest first, with those that just ended still in their place. */
export function LiveCalls({ activeCalls, endedCalls, isLoading, error, refetch }: Props) {
  const [filter, setFilter] = useState(everything);
  const wanted = useDeferredValue(filter);
  const talking = activeCalls.filter(isTalking).length;
  const counts = { all: activeCalls.length, ringing: activeCalls.length - talking, talking };
  const gone = new Set(endedCalls.map(({ call_id }) => call_id));
  const calls: ShownCall[] = byStart<ShownCall>([...activeCalls, ...endedCalls]).filter((call) =>
    matches(call, wanted),
  );

  return (
    <section className="panel" aria-label="Live calls" aria-busy={isLoading}>
      <CallFilters filter={filter} onChange={setFilter} counts={counts} />
      {calls.length > 0 && <CallTable calls={calls} ended={gone} />}
      {isLoading && !error && <Skeleton label="Loading the calls" />}
      {isLoading && error && <Failure title="The calls cannot be loaded" error={error} retry={refetch} />}
      {!isLoading && calls.length === 0 && (
        <Nothing filtered={activeCalls.length > 0} reset={() => setFilter(everything)} />
      )}
    </section>
  );
}

function Nothing({ filtered, reset }: { filtered: boolean; reset: () => void }) {
  return filtered ? (
    <Blank icon={SearchIcon} title="No call matches">
      <button type="button" className="button mt-3" onClick={reset}>
        Show all calls
      </button>
    </Blank>
  ) : (
    <Blank icon={PhoneIcon} title="No calls right now">
      A new call appears here by itself.
    </Blank>
  );
}
