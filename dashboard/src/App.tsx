import { queries } from '@/api/queries';
import { session } from '@/auth/session';
import { useSession } from '@/hooks/useSession';
import { LoginPage } from '@/pages/LoginPage';
import { router } from '@/routes';
import { RetryIcon, UnlinkedIcon } from '@/ui/icons';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from 'react-router';

export function App() {
  const state = useSession();
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
            <p>{state.message}</p>
            <button type="button" className="button mt-3" onClick={() => void session.restore()}>
              <RetryIcon /> Try again
            </button>
          </div>
        </main>
      );
  }
}
