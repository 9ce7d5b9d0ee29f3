import { Pointing } from '@/admin/Pointing';
import { SenderKeyDialog, type IssuedSecrets } from '@/admin/SenderKeyDialog';
import { useRevokeSenderKey, useRotateSenderKey, useSenderKeys } from '@/admin/senderKeys';
import { SenderKeyTable } from '@/admin/SenderKeyTable';
import { ShownOnce } from '@/admin/ShownOnce';
import { TestCall } from '@/admin/TestCall';
import type { SenderKey } from '@/api/types';
import { Page } from '@/layout/Page';
import { Failure, Skeleton } from '@/ui/Blank';
import { Confirm } from '@/ui/Confirm';
import { PlusIcon } from '@/ui/icons';
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
    <Page
      title="Senders"
      actions={
        <button type="button" className="button button-primary" onClick={() => setOpen({ kind: 'create' })}>
          <PlusIcon />
          <span className="max-sm:sr-only">New key</span>
        </button>
      }
    >
      <div className="grid max-w-5xl gap-4">
        <section className="panel" aria-label="Sender keys" aria-busy={senders.isFetching}>
          {senders.data ? (
            <SenderKeyTable
              keys={senders.data.data}
              onRotate={(key) => setOpen({ kind: 'rotate', key })}
              onRevoke={(key) => setOpen({ kind: 'revoke', key })}
            />
          ) : senders.error ? (
            <Failure title="The keys cannot be loaded" error={senders.error} retry={() => void senders.refetch()} />
          ) : (
            <Skeleton label="Loading the keys" rows={2} />
          )}
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
