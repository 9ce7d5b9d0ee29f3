import { useDeadLetters, useDrop, useRetry } from '@/admin/deadLetters';
import type { DeadLetter } from '@/api/types';
import { Blank } from '@/ui/Blank';
import { CheckIcon } from '@/ui/icons';
import { Loaded } from '@/ui/Loaded';
import { Moment } from '@/ui/Moment';
import { Panel } from '@/ui/Panel';
import { Problem } from '@/ui/Problem';
import { RowAction, RowName, Table, type Column } from '@/ui/Table';

const COLUMNS: readonly Column<DeadLetter>[] = [
  {
    head: 'What',
    cell: (letter) => (
      <RowName note={letter.target} narrow={letter.reason}>
        {nameOf(letter)}
      </RowName>
    ),
  },
  { head: 'Given up', from: 'middle', quiet: true, cell: (letter) => <Moment at={letter.failed_at} shape="short" /> },
  {
    head: 'Why',
    from: 'middle',
    quiet: true,
    cell: ({ reason, attempts }) => (
      <>
        {reason}
        <span className="block">
          {attempts} {attempts === 1 ? 'try' : 'tries'}
        </span>
      </>
    ),
  },
];

/** What was given up, with why: to be tried again or forgotten. */
export function DeadLetters() {
  const letters = useDeadLetters();
  const retry = useRetry();
  const drop = useDrop();
  const failure = retry.error ?? drop.error;
  const busy = retry.isPending || drop.isPending;

  return (
    <Panel title="Dead letters" count={letters.data?.length} busy={letters.isFetching}>
      <Problem error={failure} className="mx-3 mb-3" />
      <Loaded what="dead letters" query={letters} rows={2}>
        {(rows) =>
          rows.length === 0 ? (
            <Blank icon={CheckIcon} title="None">
              Nothing that was to be delivered has been given up.
            </Blank>
          ) : (
            <Table
              rows={rows}
              columns={COLUMNS}
              actions={(letter) => (
                <>
                  <RowAction word="Try again" of={nameOf(letter)} disabled={busy} onClick={() => retry.mutate(letter.id)} />
                  <RowAction word="Forget" of={nameOf(letter)} danger disabled={busy} onClick={() => drop.mutate(letter.id)} />
                </>
              )}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function nameOf({ name }: DeadLetter): string {
  return name ?? 'Webhook';
}
