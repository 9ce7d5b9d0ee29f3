import { queries } from '@/api/queries';
import { session } from '@/auth/session';
import { useSession } from '@/hooks/useSession';
import { InvitationPage } from '@/pages/InvitationPage';
import { LoginPage } from '@/pages/LoginPage';
import { router } from '@/routes';
import { RetryIcon, UnlinkedIcon } from '@/ui/icons';
import { QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { RouterProvider } from 'react-router';

const INVITATION_PATH = '/invitation';

export function App() {
  const state = useSession();
  const [invitation, setInvitation] = useState(readInvitation);
  if (invitation) {
    return (
      <InvitationPage
        token={invitation}
        onDone={() => {
          void router.navigate('/', { replace: true });
          setInvitation(null);
        }}
      />
    );
  }
  switch (state.status) {
    case 'signed-in':
      return (
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      );
    case 'signed-out':
      return <LoginPage notice={state.notice} />;
    case 'restoring':
      return (
        <main className="center-page" role="status">
          <p className="text-muted">Loading…</p>
        </main>
      );
    case 'unavailable':
      return (
        <main className="center-page">
          <div className="blank" role="alert">
            <span className="blank-icon tone-bad">
              <UnlinkedIcon className="size-6" />
            </span>
            <h1 className="blank-title">The board cannot be opened</h1>
            <p>{state.message} It is asked again by itself.</p>
            <button type="button" className="button mt-3" onClick={() => void session.restore()}>
              <RetryIcon /> Try again
            </button>
          </div>
        </main>
      );
  }
}

/** The invitation that the page was opened with. */
function readInvitation(): string | null {
  const { pathname, hash } = window.location;
  return pathname === INVITATION_PATH ? hash.slice(1) || null : null;
}
