/** How the states and directions of a call are shown: always a word, an icon and a colour. */

import type { CallDirection, CallStatus } from '@/api/types';
import {
  BellIcon,
  BusyIcon,
  CheckIcon,
  CrossIcon,
  InboundIcon,
  InternalIcon,
  MissedIcon,
  OutboundIcon,
  PhoneIcon,
  type Icon,
} from '@/ui/icons';

interface Look {
  word: string;
  icon: Icon;
  /** Classes of the badge. */
  tone: string;
}

// A call starts to ring without an event, so the page cannot tell the two first states apart at all times.
const RINGING: Look = { word: 'Ringing', icon: BellIcon, tone: 'tone-warm ringing' };

export const STATUSES: Record<CallStatus, Look> = {
  initiated: RINGING,
  ringing: RINGING,
  answered: { word: 'In call', icon: PhoneIcon, tone: 'tone-good' },
  completed: { word: 'Completed', icon: CheckIcon, tone: 'tone-quiet' },
  busy: { word: 'Busy', icon: BusyIcon, tone: 'tone-bad' },
  no_answer: { word: 'No answer', icon: MissedIcon, tone: 'tone-bad' },
  failed: { word: 'Failed', icon: CrossIcon, tone: 'tone-bad' },
};

export const DIRECTIONS: Record<CallDirection, { word: string; icon: Icon }> = {
  inbound: { word: 'Inbound', icon: InboundIcon },
  outbound: { word: 'Outbound', icon: OutboundIcon },
  internal: { word: 'Internal', icon: InternalIcon },
};

/** For a choice of one. */
export const DIRECTION_OPTIONS = (Object.keys(DIRECTIONS) as CallDirection[]).map(
  (direction) => [direction, DIRECTIONS[direction].word] as const,
);

export function directionOf(direction: CallDirection | null): { word: string; icon: Icon } | null {
  return direction && DIRECTIONS[direction];
}
