import { deviceOf } from '@/admin/device';
import type { Token } from '@/api/types';
import { KeyIcon, ScreenIcon } from '@/ui/icons';
import { Moment } from '@/ui/Moment';
import { RowAction, RowName, Table, type Column } from '@/ui/Table';

interface Props {
  tokens: readonly Token[];
  onRevoke: (token: Token) => void;
}

const KINDS = {
  api: { word: 'API token', icon: KeyIcon },
  login: { word: 'Login', icon: ScreenIcon },
} as const;

const COLUMNS: readonly Column<Token>[] = [
  { head: 'Name', cell: (token) => <Name token={token} /> },
  { head: 'Of', from: 'middle', cell: (token) => token.user.name },
  {
    head: 'Last used',
    from: 'middle',
    quiet: true,
    cell: ({ last_used_at: at }) => (at ? <Moment at={at} shape="short" /> : 'Never'),
  },
  { head: 'Expires', from: 'wide', quiet: true, cell: (token) => <Moment at={token.expires_at} shape="day" /> },
];

export function TokenTable({ tokens, onRevoke }: Props) {
  return (
    <Table
      rows={tokens}
      columns={COLUMNS}
      actions={(token) =>
        !token.current && <RowAction word="Revoke" of={nameOf(token)} danger onClick={() => onRevoke(token)} />
      }
    />
  );
}

function Name({ token }: { token: Token }) {
  const { word, icon: KindIcon } = KINDS[token.kind];
  return (
    <RowName
      mark={<KindIcon className="size-5 text-muted" />}
      note={token.current ? `${word}, this one` : word}
      narrow={token.user.name}
    >
      {nameOf(token)}
    </RowName>
  );
}

export function nameOf(token: Token): string {
  return token.kind === 'api' ? token.name : deviceOf(token.name);
}
