import { useSignedIn } from '@/hooks/useSession';
import { mayManage } from '@/layout/navigation';
import { NotFoundPage } from '@/pages/NotFoundPage';
import { Outlet } from 'react-router';

/** Pages for owners and administrators; to others they do not exist. The API has the last word. */
export function Managing() {
  const { user } = useSignedIn();
  return mayManage(user.role) ? <Outlet /> : <NotFoundPage />;
}
