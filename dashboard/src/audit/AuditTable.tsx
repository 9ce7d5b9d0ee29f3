import type { AuditEntry } from '@/api/types';
import { ACTIONS, actorOf, detailsOf, subjectOf } from '@/audit/actions';
import { NOTHING } from '@/formatting/figures';
import { Moment } from '@/ui/Moment';
import { RowName, Table, type Column } from '@/ui/Table';

const COLUMNS: readonly Column<AuditEntry>[] = [
  {
    head: 'What',
    cell: (entry) => (
      <RowName note={<What entry={entry} />} narrow={<WhoAndWhen entry={entry} />}>
        {ACTIONS[entry.action]}
      </RowName>
    ),
  },
  { head: 'Who', from: 'middle', cell: (entry) => <span className="wrap-anywhere">{actorOf(entry)}</span> },
  { head: 'When', from: 'middle', quiet: true, cell: (entry) => <Moment at={entry.at} /> },
  { head: 'From', from: 'wide', quiet: true, cell: (entry) => entry.address ?? NOTHING },
];

export function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  return <Table rows={entries} columns={COLUMNS} />;
}

function What({ entry }: { entry: AuditEntry }) {
  const parts = [subjectOf(entry), detailsOf(entry)].filter(Boolean);
  return parts.length > 0 ? parts.join(' · ') : null;
}

function WhoAndWhen({ entry }: { entry: AuditEntry }) {
  return (
    <>
      <span className="block wrap-anywhere">{actorOf(entry)}</span>
      <Moment at={entry.at} />
    </>
  );
}
