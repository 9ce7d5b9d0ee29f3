import { Pointing } from '@/admin/Pointing';
import { SenderKeyDialog, type IssuedSecrets } from '@/admin/SenderKeyDialog';
import { useRevokeSenderKey, useRotateSenderKey, useSenderKeys } from '@/admin/senderKeys';
import { SenderKeyTable } from '@/admin/SenderKeyTable';
import { ShownOnce } from '@/admin/ShownOnce';
import { TestCall } from '@/admin/TestCall';
import type { SenderKey } from '@/api/types';
import { AddButton } from '@/layout/AddButton';
import { Page } from '@/layout/Page';
import { Confirm } from '@/ui/Confirm';
import { Loaded } from '@/ui/Loaded';
import { useState } from 'react';

type Open = { kind: 'create' } | { kind: 'issued'; issued: IssuedSecrets } | { kind: 'rotate' | 'revoke'; key: SenderKey };

export function SendersPage() {
  const senders = useSenderKeys();
  const rotate = useRotateSenderKey();
  const revoke = useRevokeSenderKey();
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const show = (issued: IssuedSecrets) => setOpen({ kind: 'issued', issued });

  return (
    <Page title="Senders" actions={<AddButton word="New key" onClick={() => setOpen({ kind: 'create' })} />}>
      <div className="grid max-w-5xl gap-4">
        <section className="panel" aria-label="Sender keys" aria-busy={senders.isFetching}>
          <Loaded what="keys" query={senders} rows={2}>
            {({ data }) => (
              <SenderKeyTable
                keys={data}
                onRotate={(key) => setOpen({ kind: 'rotate', key })}
                onRevoke={(key) => setOpen({ kind: 'revoke', key })}
              />
            )}
          </Loaded>
        </section>
        {senders.data && <Pointing pointing={senders.data.pointing} />}
        {senders.data && <TestCall pointing={senders.data.pointing} />}
      </div>
      {open?.kind === 'create' && <SenderKeyDialog onCreated={show} onClose={close} />}
      {open?.kind === 'issued' && (
        <ShownOnce
          title="Sender key"
          explanation="Copy them now: they are not shown again. A sender needs one of the two."
          secrets={secretsOf(open.issued)}
          onClose={close}
        />
      )}
      {open?.kind === 'rotate' && (
        <Confirm
          title={`Replace ${open.key.name}?`}
          action="Make a new key"
          busy={rotate.isPending}
          error={rotate.error}
          onConfirm={() => rotate.mutate(open.key.id, { onSuccess: show })}
          onClose={close}
        >
          A new key is made in its place. The present one stays good for a day, so that its sender can change over.
        </Confirm>
      )}
      {open?.kind === 'revoke' && (
        <Confirm
          title={`Revoke ${open.key.name}?`}
          action="Revoke"
          busy={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate(open.key.id, { onSuccess: close })}
          onClose={close}
        >
          Webhooks that are sent with it are refused from now on.
        </Confirm>
      )}
    </Page>
  );
}

function secretsOf({ key, signing_secret: secret }: IssuedSecrets): [string, string][] {
  return [...(key ? ([['Key', key]] as [string, string][]) : []), ...(secret ? ([['Signing secret', secret]] as [string, string][]) : [])];
}
