import { session } from '@/auth/session';
import { cityOf, ownZone } from '@/formatting/time';
import { useSignedIn } from '@/hooks/useSession';
import { MANAGEMENT, mayManage } from '@/layout/navigation';
import { Page } from '@/layout/Page';
import { roleName } from '@/presence/member';
import { ThemeChoice } from '@/settings/ThemeChoice';
import { Facts } from '@/ui/Facts';
import { ChevronIcon, SignOutIcon } from '@/ui/icons';
import { Link } from 'react-router';

export function SettingsPage() {
  const { user, organization } = useSignedIn();

  return (
    <Page title="Settings">
      <div className="grid max-w-3xl gap-4">
        {mayManage(user.role) && (
          <nav aria-label="Manage" className="panel lg:hidden" data-testid="manage">
            <ul role="list" className="link-list">
              {MANAGEMENT.map(({ to, label, icon: LinkIcon }) => (
                <li key={to}>
                  <Link to={to} className="link-row">
                    <LinkIcon className="size-5 text-muted" />
                    <span className="flex-1">{label}</span>
                    <ChevronIcon className="size-4 text-muted" />
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
        )}
        <section className="panel" aria-labelledby="appearance">
          <header className="panel-head">
            <h2 id="appearance" className="panel-title">
              Appearance
            </h2>
          </header>
          <div className="panel-body grid">
            <ThemeChoice />
          </div>
        </section>
        <section className="panel" aria-labelledby="account">
          <header className="panel-head">
            <h2 id="account" className="panel-title">
              Account
            </h2>
          </header>
          <div className="panel-body grid gap-5">
            <Facts
              facts={[
                ['Name', user.name],
                ['Email', user.email],
                ['Role', roleName(user.role)],
                ['Organization', organization.name],
                ['Time zone', `${cityOf(ownZone())} (yours), ${cityOf(organization.timezone)} (organization)`],
              ]}
            />
            <button type="button" className="button justify-self-start" onClick={() => void session.signOut()}>
              <SignOutIcon /> Sign out
            </button>
          </div>
        </section>
      </div>
    </Page>
  );
}
