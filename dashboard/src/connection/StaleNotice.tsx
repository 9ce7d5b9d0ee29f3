import type { CallPresence } from '@/hooks/useCallPresence';
import { WarningIcon } from '@/ui/icons';

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

type Props = Pick<CallPresence, 'connection' | 'isLoading' | 'error' | 'asOf'>;

/** Says how far the board can be trusted while it is not live. */
export function StaleNotice({ connection, isLoading, error, asOf }: Props) {
  const disturbed = connection === 'reconnecting' || connection === 'offline' || error !== null;
  if (isLoading || !disturbed || asOf === null) return null;
  const time = clock.format(asOf);

  return (
    <p role="status" className="notice tone-warm">
      <WarningIcon className="mt-0.5 size-4" />
      {error
        ? `${error.message} The board is as it was at ${time}.`
        : 'Live updates are interrupted. Until they are back, the board is refreshed every few seconds.'}
    </p>
  );
}
