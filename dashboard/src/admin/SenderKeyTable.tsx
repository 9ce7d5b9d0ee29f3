import type { SenderKey } from '@/api/types';
import { Blank } from '@/ui/Blank';
import { SenderIcon } from '@/ui/icons';
import { Moment } from '@/ui/Moment';
import { RowAction, RowName, Table, type Column } from '@/ui/Table';

interface Props {
  keys: readonly SenderKey[];
  onRotate: (key: SenderKey) => void;
  onRevoke: (key: SenderKey) => void;
}

const COLUMNS: readonly Column<SenderKey>[] = [
  { head: 'Name', cell: (key) => <RowName note={key.ends_at && <Ending at={key.ends_at} />}>{key.name}</RowName> },
  { head: 'Proves with', from: 'middle', quiet: true, cell: waysOf },
  { head: 'Made', from: 'middle', quiet: true, cell: (key) => <Moment at={key.created_at} shape="day" /> },
];

export function SenderKeyTable({ keys, onRotate, onRevoke }: Props) {
  if (keys.length === 0) {
    return (
      <Blank icon={SenderIcon} title="No sender key yet">
        Make one, and give it to whoever tells of your calls.
      </Blank>
    );
  }
  return (
    <Table
      rows={keys}
      columns={COLUMNS}
      actions={(key) => (
        <>
          {!key.ends_at && <RowAction word="Replace" of={key.name} onClick={() => onRotate(key)} />}
          <RowAction word="Revoke" of={key.name} danger onClick={() => onRevoke(key)} />
        </>
      )}
    />
  );
}

function Ending({ at }: { at: string }) {
  return (
    <span className="text-warm">
      good until <Moment at={at} shape="short" />
    </span>
  );
}

function waysOf({ bearer, signing }: SenderKey): string {
  return [bearer && 'key', signing && 'signature'].filter(Boolean).join(' or ');
}
