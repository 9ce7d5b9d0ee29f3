import type { ManagedUser } from '@/api/types';
import { initials, roleName } from '@/presence/member';
import { formatTime } from '@/formatting/time';

const STANDINGS: Record<ManagedUser['status'], { word: string; tone: string }> = {
  active: { word: 'Active', tone: 'tone-good' },
  invited: { word: 'Invited', tone: 'tone-warm' },
  inactive: { word: 'Deactivated', tone: 'tone-quiet' },
};

export type UserAction = 'edit' | 'invite' | 'deactivate' | 'activate';

interface Props {
  users: readonly ManagedUser[];
  ownId: string;
  onAction: (action: UserAction, user: ManagedUser) => void;
}

export function UserTable({ users, ownId, onAction }: Props) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="col-middle">
            Role
          </th>
          <th scope="col" className="col-middle">
            Status
          </th>
          <th scope="col">
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.id} data-testid="user" data-user-id={user.id}>
            <th scope="row">
              <span className="flex items-center gap-3">
                <span className="avatar" aria-hidden="true">
                  {initials(user.name)}
                </span>
                <span className="min-w-0">
                  <span className="block font-medium">
                    {user.name}
                    {user.id === ownId && <span className="font-normal text-muted"> (you)</span>}
                  </span>
                  <span className="block font-normal break-all text-muted">{user.email}</span>
                  <span className="narrow-only font-normal text-muted">
                    {roleName(user.role)}, {STANDINGS[user.status].word.toLowerCase()}
                  </span>
                </span>
              </span>
            </th>
            <td className="col-middle">{roleName(user.role)}</td>
            <td className="col-middle">
              <Status user={user} />
            </td>
            <td>
              <Actions user={user} ownId={ownId} onAction={onAction} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

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
const OWN_ACTIONS = ACTIONS.active.filter(([action]) => action !== 'deactivate');

function Actions({ user, ownId, onAction }: { user: ManagedUser; ownId: string; onAction: Props['onAction'] }) {
  const choices = user.id === ownId ? OWN_ACTIONS : ACTIONS[user.status];
  return (
    <span className="actions">
      {choices.map(([action, word]) => (
        <button
          key={action}
          type="button"
          className={`button button-small ${action === 'deactivate' ? 'button-danger' : 'button-quiet'}`}
          aria-label={`${word}: ${user.name}`}
          onClick={() => onAction(action, user)}
        >
          {word}
        </button>
      ))}
    </span>
  );
}

function Status({ user }: { user: ManagedUser }) {
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
