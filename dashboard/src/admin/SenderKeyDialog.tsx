import { text } from '@/admin/form';
import { useCreateSenderKey } from '@/admin/senderKeys';
import { ApiError, messageOf } from '@/api/error';
import { Dialog } from '@/ui/Dialog';
import { Field } from '@/ui/Field';
import type { SubmitEvent } from 'react';

export interface IssuedSecrets {
  key: string | null;
  signing_secret: string | null;
}

export function SenderKeyDialog({ onCreated, onClose }: { onCreated: (issued: IssuedSecrets) => void; onClose: () => void }) {
  const create = useCreateSenderKey();

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    create.mutate(text(new FormData(event.currentTarget), 'name'), { onSuccess: onCreated });
  };

  return (
    <Dialog title="New sender key" onClose={onClose}>
      <form className="dialog-main" onSubmit={submit}>
        <Field
          label="Name"
          hint="Of the system that tells of your calls."
          problem={create.error instanceof ApiError ? create.error.problemWith('name') : null}
        >
          {(control) => <input {...control} className="input" name="name" required maxLength={100} />}
        </Field>
        {create.error && (
          <p role="alert" className="notice tone-bad">
            {messageOf(create.error)}
          </p>
        )}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={create.isPending}>
            Make the key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
