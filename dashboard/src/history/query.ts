/** The history's filters: in the page's address, so that a list can be shared and gone back to. */

import type { CallDirection, CallStatus } from '@/api/types';
import type { paths } from '@/api/schema';

export const RANGES = ['today', 'yesterday', '7d', '30d', 'all', 'custom'] as const;
export type Range = (typeof RANGES)[number];

export interface HistoryFilter {
  range: Range;
  /** Local days, inclusive, as `2026-11-24`; of a custom range. */
  from: string;
  to: string;
  status: CallStatus | '';
  direction: CallDirection | '';
  number: string;
  extension: string;
}

export type HistoryQuery = NonNullable<paths['/api/v1/calls']['get']['parameters']['query']>;

const DEFAULT_RANGE: Range = '7d';
const DAY_MS = 86_400_000;

export function readFilter(search: URLSearchParams): HistoryFilter {
  const text = (name: string) => search.get(name) ?? '';
  const range = RANGES.find((known) => known === text('range')) ?? DEFAULT_RANGE;
  return {
    range,
    from: text('from'),
    to: text('to'),
    status: text('status') as CallStatus | '',
    direction: text('direction') as CallDirection | '',
    number: text('number'),
    extension: text('extension'),
  };
}

/** What differs from the default, for the page's address. */
export function writeFilter(filter: HistoryFilter): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value && !(name === 'range' && value === DEFAULT_RANGE)) search.set(name, String(value));
  }
  return search;
}

/** The filter as the API takes it; days begin and end where they do for the viewer. */
export function toQuery(filter: HistoryFilter, now: Date): HistoryQuery {
  const { from, to } = moments(filter, now);
  return {
    ...(from ? { from: from.toISOString() } : {}),
    ...(to ? { to: to.toISOString() } : {}),
    ...(filter.status ? { status: [filter.status] } : {}),
    ...(filter.direction ? { direction: filter.direction } : {}),
    // What was pasted may be written for people; the API wants the digits, with their plus.
    ...(filter.number.trim() ? { number: plain(filter.number) } : {}),
    ...(filter.extension.trim() ? { extension: filter.extension.trim() } : {}),
  };
}

function moments({ range, from, to }: HistoryFilter, now: Date): { from?: Date; to?: Date } {
  const today = startOfDay(now);
  switch (range) {
    case 'today':
      return { from: today };
    case 'yesterday':
      return { from: dayAfter(today, -1), to: today };
    case '7d':
      return { from: dayAfter(today, -6) };
    case '30d':
      return { from: dayAfter(today, -29) };
    case 'all':
      return {};
    case 'custom': {
      const first = localDay(from);
      const last = localDay(to);
      return { ...(first ? { from: first } : {}), ...(last ? { to: dayAfter(last, 1) } : {}) };
    }
  }
}

function plain(number: string): string {
  const compact = number.trim().replaceAll(/[\s()./-]/g, '');
  return /^\+?\d+$/.test(compact) ? compact : number.trim();
}

function startOfDay(moment: Date): Date {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
}

/** Days of a clock change are not 24 hours long. */
function dayAfter(day: Date, count: number): Date {
  return startOfDay(new Date(day.getTime() + count * DAY_MS + DAY_MS / 2));
}

function localDay(text: string): Date | null {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00`) : null;
  return day && !Number.isNaN(day.getTime()) ? day : null;
}
