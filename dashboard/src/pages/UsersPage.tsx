import { ShownOnce } from '@/admin/ShownOnce';
import { UserDialog } from '@/admin/UserDialog';
import { UserTable, type UserAction } from '@/admin/UserTable';
import { useActivate, useDeactivate, useInviteAgain, useUsers } from '@/admin/users';
import { messageOf } from '@/api/error';
import type { ManagedUser } from '@/api/types';
import { useSignedIn } from '@/hooks/useSession';
import { Page } from '@/layout/Page';
import { Failure, Skeleton } from '@/ui/Blank';
import { Confirm } from '@/ui/Confirm';
import { PlusIcon } from '@/ui/icons';
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
    <Page
      title="Users"
      actions={
        <button type="button" className="button button-primary" onClick={() => setOpen({ kind: 'invite' })}>
          <PlusIcon />
          <span className="max-sm:sr-only">Invite</span>
        </button>
      }
    >
      <section className="panel" aria-label="Users" aria-busy={users.isFetching}>
        {failure && (
          <p role="alert" className="notice tone-bad m-3">
            {messageOf(failure)}
          </p>
        )}
        {users.data ? (
          <UserTable users={users.data} ownId={own.id} onAction={act} />
        ) : users.error ? (
          <Failure title="The users cannot be loaded" error={users.error} retry={() => void users.refetch()} />
        ) : (
          <Skeleton label="Loading the users" />
        )}
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
