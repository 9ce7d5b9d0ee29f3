import type { Statistics } from '@/api/types';
import { barsOfDay, barsOfPeriod } from '@/statistics/series';
import { expect, it } from 'vitest';

const statistics: Statistics = {
  from: '2026-11-23T23:00:00Z',
  to: '2026-11-24T12:00:00Z',
  timezone: 'Europe/Berlin',
  totals: { total: 5, active: 0, answered: 3, completed: 3, busy: 1, no_answer: 1, failed: 0 },
  answer_rate: 0.6,
  average_wait: 4,
  average_talk: 60,
  interval: 'hour',
  series: [{ start: '2026-11-24T08:00:00Z', total: 5, answered: 3 }],
  hours: [{ hour: 9, total: 5, answered: 3 }],
  busiest_numbers: [],
  busiest_extensions: [],
};

it('counts in the organization’s hours and days', () => {
  const [hour] = barsOfPeriod(statistics);
  expect(hour).toMatchObject({ answered: 3, unanswered: 2 });
  expect(hour?.label).toMatch(/^09:00/);
  const [day] = barsOfPeriod({ ...statistics, interval: 'day' });
  expect(day?.label).toContain('24');
  expect(barsOfDay(statistics)).toEqual([{ label: '09:00', answered: 3, unanswered: 2 }]);
});
