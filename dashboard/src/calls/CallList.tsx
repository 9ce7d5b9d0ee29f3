import { CallRow, type ShownCall } from '@/calls/CallRow';
import { byStart, type CallPresence } from '@/hooks/useCallPresence';
import { BellIcon, PhoneIcon, RetryIcon, WarningIcon } from '@/ui/icons';

type Props = Pick<
  CallPresence,
  'activeCalls' | 'endedCalls' | 'totalActiveCalls' | 'isLoading' | 'error' | 'refetch'
>;

/** The calls in progress, newest first, with those that just ended still in their place. */
export function CallList({ activeCalls, endedCalls, totalActiveCalls, isLoading, error, refetch }: Props) {
  const calls: ShownCall[] = [...activeCalls, ...endedCalls].sort(byStart);
  const talking = activeCalls.filter(({ status }) => status === 'answered').length;
  const gone = new Set(endedCalls.map(({ call_id }) => call_id));

  return (
    <section className="panel" aria-labelledby="calls-title" aria-busy={isLoading}>
      <header className="panel-head">
        <h1 id="calls-title" className="panel-title">
          Live calls {!isLoading && <span className="count">{totalActiveCalls}</span>}
        </h1>
        {totalActiveCalls > 0 && (
          <p className="flex gap-4 text-sm text-muted">
            <span className="flex items-center gap-1.5">
              <BellIcon className="size-4 text-warm" />
              <span>{totalActiveCalls - talking} ringing</span>
            </span>
            <span className="flex items-center gap-1.5">
              <PhoneIcon className="size-4 text-good" />
              <span>{talking} in call</span>
            </span>
          </p>
        )}
      </header>

      {calls.length > 0 && (
        <>
          <div className="call-columns" aria-hidden="true">
            <span className="call-status">State</span>
            <span className="call-parties">Caller and callee</span>
            <span className="call-facts">
              <span className="call-fact">Direction</span>
              <span className="call-fact">Extension</span>
              <span className="call-fact">Started</span>
            </span>
            <span className="call-duration">Duration</span>
          </div>
          <ul role="list" aria-labelledby="calls-title">
            {calls.map((call) => (
              <CallRow key={call.call_id} call={call} ended={gone.has(call.call_id)} />
            ))}
          </ul>
        </>
      )}
      {isLoading && !error && <Loading />}
      {isLoading && error && (
        <div className="blank" role="alert">
          <WarningIcon className="size-8 text-bad" />
          <p className="blank-title">The calls cannot be loaded</p>
          <p>{error.message}</p>
          {error.requestId && <p className="text-xs">Request {error.requestId}</p>}
          <button type="button" className="button mt-3" onClick={refetch}>
            <RetryIcon /> Try again
          </button>
        </div>
      )}
      {!isLoading && calls.length === 0 && (
        <div className="blank">
          <PhoneIcon className="size-8" />
          <p className="blank-title">No calls right now</p>
          <p>A new call appears here by itself.</p>
        </div>
      )}
    </section>
  );
}

function Loading() {
  return (
    <div role="status">
      <span className="sr-only">Loading the calls</span>
      {[0, 1, 2, 3].map((row) => (
        <div key={row} className="skeleton-row" aria-hidden="true">
          <span className="skeleton w-24" />
          <span className="skeleton w-2/5" />
          <span className="skeleton ml-auto w-12" />
        </div>
      ))}
    </div>
  );
}
