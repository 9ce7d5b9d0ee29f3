import type { Organization, User } from '@/api/types';
import { session } from '@/auth/session';
import mark from '@/assets/mark.svg';
import { CallList } from '@/calls/CallList';
import { ConnectionBadge } from '@/connection/ConnectionBadge';
import { StaleNotice } from '@/connection/StaleNotice';
import { useCallPresence } from '@/hooks/useCallPresence';
import { MemberList } from '@/presence/MemberList';
import { SignOutIcon } from '@/ui/icons';

export function LivePage({ user, organization }: { user: User; organization: Organization }) {
  const presence = useCallPresence();

  return (
    <>
      <header className="top-bar">
        <div className="page-width flex h-16 items-center gap-3">
          <img src={mark} alt="OPBX" className="size-8" />
          <p className="line-clamp-2 min-w-0 flex-1 text-sm leading-tight font-semibold sm:text-base" title={organization.name}>
            {organization.name}
          </p>
          <ConnectionBadge state={presence.connection} />
          <span className="ml-2 hidden max-w-48 truncate text-sm text-muted md:block">{user.name}</span>
          <button
            type="button"
            className="button button-quiet"
            onClick={() => void session.signOut()}
            aria-label="Sign out"
          >
            <SignOutIcon />
            <span className="hidden md:inline">Sign out</span>
          </button>
        </div>
      </header>
      <main className="page-width grid items-start gap-4 py-4 sm:gap-6 sm:py-6 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <div className="lg:col-span-2 empty:hidden">
          <StaleNotice {...presence} />
        </div>
        <CallList {...presence} />
        <MemberList {...presence} ownId={user.id} />
      </main>
    </>
  );
}
