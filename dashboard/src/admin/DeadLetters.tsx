import { useDeadLetters, useDrop, useRetry } from '@/admin/deadLetters';
import { messageOf } from '@/api/error';
import type { DeadLetter } from '@/api/types';
import { Blank, Failure, Skeleton } from '@/ui/Blank';
import { CheckIcon } from '@/ui/icons';
import { Moment } from '@/ui/Moment';

/** What was given up, with why: to be tried again or forgotten. */
export function DeadLetters() {
  const letters = useDeadLetters();
  const retry = useRetry();
  const drop = useDrop();
  const failure = retry.error ?? drop.error;

  return (
    <section className="panel" aria-labelledby="dead-letters-title" aria-busy={letters.isFetching}>
      <header className="panel-head">
        <h2 id="dead-letters-title" className="panel-title">
          Dead letters {letters.data && <span className="count">{letters.data.length}</span>}
        </h2>
      </header>
      {failure && (
        <p role="alert" className="notice tone-bad mx-3 mb-3">
          {messageOf(failure)}
        </p>
      )}
      {letters.data?.length === 0 && (
        <Blank icon={CheckIcon} title="None">
          Nothing that was to be delivered has been given up.
        </Blank>
      )}
      {letters.data && letters.data.length > 0 && (
        <LetterTable
          letters={letters.data}
          busy={retry.isPending || drop.isPending}
          onRetry={retry.mutate}
          onDrop={drop.mutate}
        />
      )}
      {letters.error && !letters.data && (
        <Failure title="They cannot be loaded" error={letters.error} retry={() => void letters.refetch()} />
      )}
      {letters.isPending && <Skeleton label="Loading the dead letters" rows={2} />}
    </section>
  );
}

interface TableProps {
  letters: readonly DeadLetter[];
  busy: boolean;
  onRetry: (letterId: string) => void;
  onDrop: (letterId: string) => void;
}

function LetterTable({ letters, busy, onRetry, onDrop }: TableProps) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" className="col-middle">
            Given up
          </th>
          <th scope="col" className="col-middle">
            Why
          </th>
          <th scope="col">
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {letters.map(({ id, name, target, reason, attempts, failed_at }) => (
          <tr key={id}>
            <th scope="row">
              <span className="block font-medium">{name ?? 'Webhook'}</span>
              <span className="block font-normal break-all text-muted">{target}</span>
              <span className="narrow-only font-normal text-muted">{reason}</span>
            </th>
            <td className="col-middle text-muted">
              <Moment at={failed_at} shape="short" />
            </td>
            <td className="col-middle text-muted">
              {reason}
              <span className="block">
                {attempts} {attempts === 1 ? 'try' : 'tries'}
              </span>
            </td>
            <td>
              <span className="actions">
                <button
                  type="button"
                  className="button button-small"
                  aria-label={`Try again: ${name ?? target}`}
                  disabled={busy}
                  onClick={() => onRetry(id)}
                >
                  Try again
                </button>
                <button
                  type="button"
                  className="button button-small button-danger"
                  aria-label={`Forget: ${name ?? target}`}
                  disabled={busy}
                  onClick={() => onDrop(id)}
                >
                  Forget
                </button>
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
