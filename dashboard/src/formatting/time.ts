/** Moments, always in the viewer's own zone unless another one is asked for. */

export type TimeZone = string;

const SHAPES = {
  /** `14:05:09` */
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  /** `14:05` */
  minute: { hour: '2-digit', minute: '2-digit' },
  /** `24 Nov, 14:05:09` */
  moment: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  /** `24 Nov, 14:05` */
  short: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  /** `24 Nov 2026` */
  day: { day: 'numeric', month: 'short', year: 'numeric' },
  /** `Tue 24 Nov` */
  weekday: { weekday: 'short', day: 'numeric', month: 'short' },
  /** `Tuesday 24 November 2026 at 14:05:09 CET` */
  full: { dateStyle: 'full', timeStyle: 'long' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

export type TimeShape = keyof typeof SHAPES;

const formats = new Map<string, Intl.DateTimeFormat>();

export function formatTime(moment: Date | string | number, shape: TimeShape, timeZone?: TimeZone): string {
  const key = `${shape} ${timeZone ?? ''}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(undefined, { ...SHAPES[shape], ...(timeZone ? { timeZone } : {}) });
    formats.set(key, format);
  }
  return format.format(new Date(moment));
}

export function ownZone(): TimeZone {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** True where clocks of both zones show the same at `moment`. */
export function sameClock(a: TimeZone, b: TimeZone, moment: number): boolean {
  return a === b || offset(a, moment) === offset(b, moment);
}

/** `New York`, of `America/New_York`. */
export function cityOf(zone: TimeZone): string {
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

function offset(timeZone: TimeZone, moment: number): string | undefined {
  return new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(moment)
    .find(({ type }) => type === 'timeZoneName')?.value;
}
