import mark from '@/assets/mark.svg';
import { session } from '@/auth/session';
import { useSignedIn } from '@/hooks/useSession';
import { CALLS, managementFor, MORE, SETTINGS, type Destination } from '@/layout/navigation';
import { initials, roleName } from '@/presence/member';
import { SignOutIcon } from '@/ui/icons';
import { Suspense } from 'react';
import { NavLink, Outlet, ScrollRestoration } from 'react-router';

/** What stays while pages change: where one can go, and who one is. */
export function Shell() {
  const { user, organization } = useSignedIn();
  const management = managementFor(user.role);
  const manages = management.length > 0;

  return (
    <div className="shell">
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <aside className="sidebar">
        <p className="brand">
          <img src={mark} alt="OPBX" className="size-8" />
          <span className="line-clamp-2 min-w-0 leading-tight" title={organization.name}>
            {organization.name}
          </span>
        </p>
        <nav aria-label="Main" className="side-nav">
          <Links destinations={CALLS} />
          {manages && (
            <>
              <p className="side-title">Manage</p>
              <Links destinations={management} />
            </>
          )}
          <p className="side-title">You</p>
          <Links destinations={[SETTINGS]} />
        </nav>
        <div className="account">
          <span className="avatar" aria-hidden="true">
            {initials(user.name)}
          </span>
          <span className="min-w-0 flex-1 text-sm leading-tight">
            <span className="line-clamp-2 font-medium">{user.name}</span>
            <span className="block truncate text-muted">{roleName(user.role)}</span>
          </span>
          <button
            type="button"
            className="button button-quiet button-icon"
            aria-label="Sign out"
            title="Sign out"
            onClick={() => void session.signOut()}
          >
            <SignOutIcon />
          </button>
        </div>
      </aside>
      <div className="shell-main">
        <Suspense>
          <Outlet />
        </Suspense>
      </div>
      <nav aria-label="Main" className="tab-bar">
        <Links destinations={[...CALLS, manages ? MORE : SETTINGS]} />
      </nav>
      <ScrollRestoration />
    </div>
  );
}

function Links({ destinations }: { destinations: readonly Destination[] }) {
  return (
    <ul role="list">
      {destinations.map(({ to, label, icon: LinkIcon }) => (
        <li key={to}>
          <NavLink to={to} end={to === '/'} className="nav-link">
            <LinkIcon className="size-5" />
            {label}
          </NavLink>
        </li>
      ))}
    </ul>
  );
}
