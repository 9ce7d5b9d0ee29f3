/** What charts and their tables show, in one form: calls that were answered and those that were missed, by place in time. */

import type { Statistics } from '@/api/types';
import { formatTime } from '@/formatting/time';

export interface Bar {
  label: string;
  answered: number;
  unanswered: number;
}

/** By hour or day of the period, in the organization's zone, in which the server counts. */
export function barsOfPeriod({ series, interval, timezone }: Statistics): Bar[] {
  const shape = interval === 'hour' ? 'minute' : 'weekday';
  return series.map(({ start, total, answered }) => ({
    label: formatTime(start, shape, timezone),
    answered,
    unanswered: total - answered,
  }));
}

/** By hour of the day, over all days of the period. */
export function barsOfDay({ hours }: Statistics): Bar[] {
  return hours.map(({ hour, total, answered }) => ({
    label: `${String(hour).padStart(2, '0')}:00`,
    answered,
    unanswered: total - answered,
  }));
}
