import { text } from '@/admin/form';
import { useEditUser, useInvite } from '@/admin/users';
import type { ManagedUser, Role } from '@/api/types';
import { ROLES } from '@/presence/member';
import { Field } from '@/ui/Field';
import { FormDialog } from '@/ui/FormDialog';

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

  const submit = (form: FormData) => {
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
    <FormDialog
      title={user ? 'Edit user' : 'Invite a user'}
      action={user ? 'Save' : 'Make the invitation'}
      request={user ? edit : invite}
      onSubmit={submit}
      onClose={onClose}
    >
      {(problemWith) => (
        <>
          <Field label="Name" problem={problemWith('name')}>
            {(control) => (
              <input {...control} className="input" name="name" required maxLength={200} defaultValue={user?.name} />
            )}
          </Field>
          {!user && (
            <Field label="Email" problem={problemWith('email')}>
              {(control) => <input {...control} className="input" name="email" type="email" required maxLength={254} />}
            </Field>
          )}
          <Field label="Role" problem={problemWith('role')} hint="Owners and administrators manage users and keys.">
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
        </>
      )}
    </FormDialog>
  );
}
