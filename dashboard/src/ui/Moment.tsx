import { useSession } from '@/hooks/useSession';
import { formatTime, type TimeShape } from '@/formatting/time';

/** A moment in the viewer's zone; pointing at it shows it in full, and in the organization's. */
export function Moment({ at, shape = 'moment' }: { at: string; shape?: TimeShape }) {
  const session = useSession();
  const zone = session.status === 'signed-in' ? session.organization.timezone : undefined;
  const title = [formatTime(at, 'full'), zone && formatTime(at, 'full', zone)].filter(Boolean).join('\n');
  return (
    <time dateTime={at} title={title} className="whitespace-nowrap tabular-nums">
      {formatTime(at, shape)}
    </time>
  );
}
