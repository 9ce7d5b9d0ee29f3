import { cityOf, formatTime, ownZone, sameClock } from '@/formatting/time';
import { useClock } from '@/hooks/useClock';
import { useSignedIn } from '@/hooks/useSession';
import { memo } from 'react';

/** In whose time the page's times are, and what the organization's clocks show. */
export const ZoneNote = memo(function ZoneNote() {
  const { organization } = useSignedIn();
  const now = useClock(0);
  const own = ownZone();
  const theirs = organization.timezone;

  return (
    <p className="text-sm text-muted">
      Times are in your zone, {cityOf(own)}.{' '}
      {sameClock(own, theirs, now)
        ? `${organization.name} has the same time.`
        : `In ${cityOf(theirs)}, the zone of ${organization.name}, it is ${formatTime(now, 'minute', theirs)}.`}
    </p>
  );
});
