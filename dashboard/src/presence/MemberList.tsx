import type { CallPresence } from '@/hooks/useCallPresence';
import { initials, roleName } from '@/presence/member';
import { Panel } from '@/ui/Panel';

type Props = Pick<CallPresence, 'onlineMembers' | 'presenceChange' | 'isConnected'> & { ownId: string };

/** Who else has the board open. While the connection is down nobody can tell, and the list says so. */
export function MemberList({ onlineMembers, presenceChange, isConnected, ownId }: Props) {
  const news = presenceChange && `${presenceChange.member.name} ${presenceChange.kind}`;

  return (
    <Panel
      title="Online"
      count={isConnected ? onlineMembers.length : undefined}
      aside={
        <p role="status" className="min-w-0 truncate text-sm text-muted">
          {/* A key of its own lets each piece of news fade by itself. */}
          {isConnected && news && (
            <span key={`${news} ${onlineMembers.length}`} className="passing">
              {news}
            </span>
          )}
        </p>
      }
    >
      {isConnected ? (
        <ul role="list" className="member-list" aria-label="Online">
          {onlineMembers.map((member) => (
            <li key={member.id} className="member" data-testid="member" data-user-id={member.id}>
              <span className="avatar online" aria-hidden="true">
                {initials(member.name)}
              </span>
              <span className="min-w-0">
                <span className="block truncate font-medium">
                  {member.name}
                  {member.id === ownId && <span className="font-normal text-muted"> (you)</span>}
                </span>
                <span className="block truncate text-sm text-muted">{roleName(member.role)}</span>
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="border-t border-line px-4 py-6 text-sm text-muted">Shown as soon as live updates are connected.</p>
      )}
    </Panel>
  );
}
