import type { ManagedUser } from '@/api/types';
import { formatTime } from '@/formatting/time';
import { initials, roleName } from '@/presence/member';
import { RowAction, RowName, Table } from '@/ui/Table';

const STANDINGS: Record<ManagedUser['status'], { word: string; tone: string }> = {
  active: { word: 'Active', tone: 'tone-good' },
  invited: { word: 'Invited', tone: 'tone-warm' },
  inactive: { word: 'Deactivated', tone: 'tone-quiet' },
};

export type UserAction = 'edit' | 'invite' | 'deactivate' | 'activate';

const ACTIONS: Record<ManagedUser['status'], readonly (readonly [UserAction, string])[]> = {
  active: [
    ['edit', 'Edit'],
    ['invite', 'Reset password'],
    ['deactivate', 'Deactivate'],
  ],
  invited: [
    ['edit', 'Edit'],
    ['invite', 'New link'],
  ],
  inactive: [['activate', 'Activate']],
};

/** Nobody locks themselves out; their own password is changed in the settings. */
const OWN_ACTIONS = ACTIONS.active.filter(([action]) => action === 'edit');

interface Props {
  users: readonly ManagedUser[];
  ownId: string;
  onAction: (action: UserAction, user: ManagedUser) => void;
}

export function UserTable({ users, ownId, onAction }: Props) {
  return (
    <Table
      rows={users}
      columns={[
        { head: 'Name', cell: (user) => <Name user={user} own={user.id === ownId} /> },
        { head: 'Role', from: 'middle', cell: (user) => roleName(user.role) },
        { head: 'Status', from: 'middle', cell: (user) => <Standing user={user} /> },
      ]}
      actions={(user) =>
        (user.id === ownId ? OWN_ACTIONS : ACTIONS[user.status]).map(([action, word]) => (
          <RowAction
            key={action}
            word={word}
            of={user.name}
            danger={action === 'deactivate'}
            onClick={() => onAction(action, user)}
          />
        ))
      }
    />
  );
}

function Name({ user, own }: { user: ManagedUser; own: boolean }) {
  return (
    <RowName
      mark={
        <span className="avatar" aria-hidden="true">
          {initials(user.name)}
        </span>
      }
      note={user.email}
      narrow={`${roleName(user.role)}, ${STANDINGS[user.status].word.toLowerCase()}`}
    >
      {user.name}
      {own && <span className="font-normal text-muted"> (you)</span>}
    </RowName>
  );
}

function Standing({ user }: { user: ManagedUser }) {
  const { word, tone } = STANDINGS[user.status];
  return (
    <span className={`badge ${tone}`} title={user.invitation_expires_at ? until(user.invitation_expires_at) : undefined}>
      {word}
    </span>
  );
}

function until(moment: string): string {
  return `The link is good until ${formatTime(moment, 'moment')}`;
}
