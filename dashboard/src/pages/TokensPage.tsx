import { ShownOnce } from '@/admin/ShownOnce';
import { TokenDialog } from '@/admin/TokenDialog';
import { useRevokeToken, useTokens } from '@/admin/tokens';
import { nameOf, TokenTable } from '@/admin/TokenTable';
import type { Token } from '@/api/types';
import { useSignedIn } from '@/hooks/useSession';
import { AddButton } from '@/layout/AddButton';
import { Page } from '@/layout/Page';
import { Confirm } from '@/ui/Confirm';
import { Loaded } from '@/ui/Loaded';
import { useState } from 'react';

type Open = { kind: 'create' } | { kind: 'secret'; plain: string } | { kind: 'revoke'; token: Token };

export function TokensPage() {
  const { user } = useSignedIn();
  const tokens = useTokens(user.role === 'owner');
  const revoke = useRevokeToken();
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);

  return (
    <Page title="API tokens" actions={<AddButton word="New token" onClick={() => setOpen({ kind: 'create' })} />}>
      <section className="panel" aria-label="Tokens" aria-busy={tokens.isFetching}>
        <Loaded what="tokens" query={tokens}>
          {(rows) => <TokenTable tokens={rows} onRevoke={(token) => setOpen({ kind: 'revoke', token })} />}
        </Loaded>
      </section>
      {open?.kind === 'create' && (
        <TokenDialog onCreated={(plain) => setOpen({ kind: 'secret', plain })} onClose={close} />
      )}
      {open?.kind === 'secret' && (
        <ShownOnce
          title="API token"
          explanation="Copy it now: it is not shown again. Programs send it with each request."
          secrets={[
            ['Token', open.plain],
            ['Header', `Authorization: Bearer ${open.plain}`],
          ]}
          onClose={close}
        />
      )}
      {open?.kind === 'revoke' && (
        <Confirm
          title="Revoke this token?"
          action="Revoke"
          busy={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate(open.token.id, { onSuccess: close })}
          onClose={close}
        >
          Whatever uses “{nameOf(open.token)}” of {open.token.user.name} is refused from now on, and its open
          connections end at once.
        </Confirm>
      )}
    </Page>
  );
}
