import { text } from '@/admin/form';
import { useCreateToken } from '@/admin/tokens';
import { Field } from '@/ui/Field';
import { FormDialog } from '@/ui/FormDialog';

const LIFETIMES = [30, 90, 365];

export function TokenDialog({ onCreated, onClose }: { onCreated: (plain: string) => void; onClose: () => void }) {
  const create = useCreateToken();
  return (
    <FormDialog
      title="New API token"
      action="Make the token"
      request={create}
      onSubmit={(form) =>
        create.mutate(
          { name: text(form, 'name'), days: Number(text(form, 'days')) },
          { onSuccess: ({ access_token }) => onCreated(access_token) },
        )
      }
      onClose={onClose}
    >
      {(problemWith) => (
        <>
          <Field label="Name" problem={problemWith('name')} hint="Of the program that will use it. It may do what you may.">
            {(control) => <input {...control} className="input" name="name" required maxLength={100} />}
          </Field>
          <Field label="Good for" problem={problemWith('days')}>
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
        </>
      )}
    </FormDialog>
  );
}
