import { session } from '@/auth/session';
import { cityOf, ownZone } from '@/formatting/time';
import { useSignedIn } from '@/hooks/useSession';
import { managementFor } from '@/layout/navigation';
import { Page } from '@/layout/Page';
import { roleName } from '@/presence/member';
import { PasswordForm } from '@/settings/PasswordForm';
import { ThemeChoice } from '@/settings/ThemeChoice';
import { Facts } from '@/ui/Facts';
import { ChevronIcon, SignOutIcon } from '@/ui/icons';
import { Panel } from '@/ui/Panel';
import { Link } from 'react-router';

export function SettingsPage() {
  const { user, organization } = useSignedIn();
  const management = managementFor(user.role);

  return (
    <Page title="Settings">
      <div className="grid max-w-3xl gap-4">
        {management.length > 0 && (
          <nav aria-label="Manage" className="panel lg:hidden" data-testid="manage">
            <ul role="list" className="link-list">
              {management.map(({ to, label, icon: LinkIcon }) => (
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
        <Panel title="Appearance">
          <div className="panel-body grid">
            <ThemeChoice />
          </div>
        </Panel>
        <Panel title="Account">
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
        </Panel>
        <PasswordForm email={user.email} />
      </div>
    </Page>
  );
}
