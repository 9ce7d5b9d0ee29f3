import { text } from '@/admin/form';
import { useCreateSenderKey } from '@/admin/senderKeys';
import { Field } from '@/ui/Field';
import { FormDialog } from '@/ui/FormDialog';

export interface IssuedSecrets {
  key: string | null;
  signing_secret: string | null;
}

export function SenderKeyDialog({ onCreated, onClose }: { onCreated: (issued: IssuedSecrets) => void; onClose: () => void }) {
  const create = useCreateSenderKey();
  return (
    <FormDialog
      title="New sender key"
      action="Make the key"
      request={create}
      onSubmit={(form) => create.mutate(text(form, 'name'), { onSuccess: onCreated })}
      onClose={onClose}
    >
      {(problemWith) => (
        <Field label="Name" hint="Of the system that tells of your calls." problem={problemWith('name')}>
          {(control) => <input {...control} className="input" name="name" required maxLength={100} />}
        </Field>
      )}
    </FormDialog>
  );
}
