import { ShownOnce } from '@/admin/ShownOnce';
import { UserDialog } from '@/admin/UserDialog';
import { UserTable, type UserAction } from '@/admin/UserTable';
import { useActivate, useDeactivate, useInviteAgain, useUsers } from '@/admin/users';
import type { ManagedUser } from '@/api/types';
import { useSignedIn } from '@/hooks/useSession';
import { AddButton } from '@/layout/AddButton';
import { Page } from '@/layout/Page';
import { Confirm } from '@/ui/Confirm';
import { Loaded } from '@/ui/Loaded';
import { Problem } from '@/ui/Problem';
import { useState } from 'react';

type Open = { kind: 'invite' } | { kind: 'edit' | 'deactivate'; user: ManagedUser } | { kind: 'link'; url: string };

export function UsersPage() {
  const { user: own } = useSignedIn();
  const users = useUsers();
  const inviteAgain = useInviteAgain();
  const deactivate = useDeactivate();
  const activate = useActivate();
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const failure = activate.error ?? inviteAgain.error;

  const act = (action: UserAction, user: ManagedUser) => {
    if (action === 'activate') activate.mutate(user.id);
    else if (action === 'invite') {
      inviteAgain.mutate(user.id, { onSuccess: ({ invitation }) => setOpen({ kind: 'link', url: invitation.url }) });
    } else setOpen({ kind: action, user });
  };

  return (
    <Page title="Users" actions={<AddButton word="Invite" onClick={() => setOpen({ kind: 'invite' })} />}>
      <section className="panel" aria-label="Users" aria-busy={users.isFetching}>
        <Problem error={failure} className="m-3" />
        <Loaded what="users" query={users}>
          {(rows) => <UserTable users={rows} ownId={own.id} onAction={act} />}
        </Loaded>
      </section>
      {(open?.kind === 'invite' || open?.kind === 'edit') && (
        <UserDialog
          user={open.kind === 'edit' ? open.user : null}
          ownRole={own.role}
          onInvited={(url) => setOpen({ kind: 'link', url })}
          onClose={close}
        />
      )}
      {open?.kind === 'link' && (
        <ShownOnce
          title="Invitation"
          explanation="Hand this link on. Whoever opens it chooses a password; it works once, for a week, and is not shown again."
          secrets={[['Link', open.url]]}
          onClose={close}
        />
      )}
      {open?.kind === 'deactivate' && (
        <Confirm
          title={`Deactivate ${open.user.name}?`}
          action="Deactivate"
          busy={deactivate.isPending}
          error={deactivate.error}
          onConfirm={() => deactivate.mutate(open.user.id, { onSuccess: close })}
          onClose={close}
        >
          Logins and API tokens of {open.user.email} are refused from now on, and open dashboards end at once.
        </Confirm>
      )}
    </Page>
  );
}
