import { ApiError, messageOf } from '@/api/error';
import type { ManagedUser, Role } from '@/api/types';
import { useEditUser, useInvite } from '@/admin/users';
import { text } from '@/admin/form';
import { ROLES } from '@/presence/member';
import { Dialog } from '@/ui/Dialog';
import { Field } from '@/ui/Field';
import type { SubmitEvent } from 'react';

interface Props {
  /** Null to invite somebody. */
  user: ManagedUser | null;
  ownRole: Role;
  onInvited: (link: string) => void;
  onClose: () => void;
}

export function UserDialog({ user, ownRole, onInvited, onClose }: Props) {
  const invite = useInvite();
  const edit = useEditUser();
  const { error, isPending } = user ? edit : invite;
  const problem = (field: string) => (error instanceof ApiError ? error.problemWith(field) : null);

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = { name: text(form, 'name'), role: text(form, 'role') as Role };
    if (user) edit.mutate({ user_id: user.id, ...given }, { onSuccess: onClose });
    else {
      invite.mutate(
        { ...given, email: text(form, 'email') },
        { onSuccess: ({ invitation }) => onInvited(invitation.url) },
      );
    }
  };

  return (
    <Dialog title={user ? 'Edit user' : 'Invite a user'} onClose={onClose}>
      <form className="dialog-main" onSubmit={submit}>
        <Field label="Name" problem={problem('name')}>
          {(control) => (
            <input {...control} className="input" name="name" required maxLength={200} defaultValue={user?.name} />
          )}
        </Field>
        {!user && (
          <Field label="Email" problem={problem('email')}>
            {(control) => <input {...control} className="input" name="email" type="email" required maxLength={254} />}
          </Field>
        )}
        <Field label="Role" problem={problem('role')} hint="Owners and administrators manage users and keys.">
          {(control) => (
            <select {...control} className="select" name="role" defaultValue={user?.role ?? 'pbx_user'}>
              {(Object.entries(ROLES) as [Role, string][])
                .filter(([role]) => role !== 'owner' || ownRole === 'owner')
                .map(([role, word]) => (
                  <option key={role} value={role}>
                    {word}
                  </option>
                ))}
            </select>
          )}
        </Field>
        {error && (
          <p role="alert" className="notice tone-bad">
            {messageOf(error)}
          </p>
        )}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={isPending}>
            {user ? 'Save' : 'Make the invitation'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
