import { session } from '@/auth/session';
import { useSession } from '@/hooks/useSession';
import { LivePage } from '@/pages/LivePage';
import { LoginPage } from '@/pages/LoginPage';
import { RetryIcon, UnlinkedIcon } from '@/ui/icons';

export function App() {
  const state = useSession();
  switch (state.status) {
    case 'signed-in':
      return <LivePage user={state.user} organization={state.organization} />;
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
            <UnlinkedIcon className="size-8" />
            <h1 className="blank-title">The board cannot be opened</h1>
            <p>{state.message}</p>
            <button type="button" className="button mt-3" onClick={() => void session.restore()}>
              <RetryIcon /> Try again
            </button>
          </div>
        </main>
      );
  }
}
