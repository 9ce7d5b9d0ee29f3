import { text } from '@/admin/form';
import { useCreateToken } from '@/admin/tokens';
import { ApiError, messageOf } from '@/api/error';
import { Dialog } from '@/ui/Dialog';
import { Field } from '@/ui/Field';
import type { SubmitEvent } from 'react';

const LIFETIMES = [30, 90, 365];

export function TokenDialog({ onCreated, onClose }: { onCreated: (plain: string) => void; onClose: () => void }) {
  const create = useCreateToken();
  const problem = (field: string) => (create.error instanceof ApiError ? create.error.problemWith(field) : null);

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate(
      { name: text(form, 'name'), days: Number(text(form, 'days')) },
      { onSuccess: ({ access_token }) => onCreated(access_token) },
    );
  };

  return (
    <Dialog title="New API token" onClose={onClose}>
      <form className="dialog-main" onSubmit={submit}>
        <Field label="Name" problem={problem('name')} hint="Of the program that will use it. It may do what you may.">
          {(control) => <input {...control} className="input" name="name" required maxLength={100} />}
        </Field>
        <Field label="Good for" problem={problem('days')}>
          {(control) => (
            <select {...control} className="select" name="days" defaultValue={90}>
              {LIFETIMES.map((days) => (
                <option key={days} value={days}>
                  {days} days
                </option>
              ))}
            </select>
          )}
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
            Make the token
          </button>
        </div>
      </form>
    </Dialog>
  );
}
