import { useSignedIn } from '@/hooks/useSession';
import { managementFor } from '@/layout/navigation';
import { NotFoundPage } from '@/pages/NotFoundPage';
import { Outlet, useLocation } from 'react-router';

/** Pages for those who manage; to others they do not exist. The API has the last word. */
export function Managing() {
  const { user } = useSignedIn();
  const { pathname } = useLocation();
  return managementFor(user.role).some(({ to }) => pathname.startsWith(to)) ? <Outlet /> : <NotFoundPage />;
}
