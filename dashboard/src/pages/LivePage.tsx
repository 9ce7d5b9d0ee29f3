import { LiveCalls } from '@/calls/LiveCalls';
import { LiveSummary } from '@/calls/LiveSummary';
import { useCallPresence } from '@/hooks/useCallPresence';
import { useSignedIn } from '@/hooks/useSession';
import { Page } from '@/layout/Page';
import { ZoneNote } from '@/layout/ZoneNote';
import { MemberList } from '@/presence/MemberList';

export function LivePage() {
  const presence = useCallPresence();
  const { user } = useSignedIn();

  return (
    <Page title="Live calls" tabTitle={presence.isLoading ? 'Live calls' : `${presence.totalActiveCalls} live`}>
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_15rem]">
        <div className="grid min-w-0 gap-4">
          <LiveSummary {...presence} />
          <LiveCalls {...presence} />
          <ZoneNote />
        </div>
        <MemberList {...presence} ownId={user.id} />
      </div>
    </Page>
  );
}
