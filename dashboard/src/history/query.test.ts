import { readFilter, toQuery, writeFilter, type HistoryFilter } from '@/history/query';
import { expect, it } from 'vitest';

const read = (search: string) => readFilter(new URLSearchParams(search));
const filter = (more: Partial<HistoryFilter>): HistoryFilter => ({ ...read(''), ...more });
const noon = new Date(2026, 10, 24, 12);
const day = (year: number, month: number, date: number) => new Date(year, month - 1, date).toISOString();

it('goes through the address and back, leaving out what is usual', () => {
  const given = filter({ range: 'custom', from: '2026-11-01', status: 'busy', direction: 'inbound', number: '+1 212' });
  expect(readFilter(writeFilter(given))).toEqual(given);
  expect(writeFilter(filter({})).toString()).toBe('');
});

it('takes the usual range for one that there is none', () => {
  expect(read('range=century').range).toBe('7d');
});

it.each([
  ['today', { from: day(2026, 11, 24) }],
  ['yesterday', { from: day(2026, 11, 23), to: day(2026, 11, 24) }],
  ['7d', { from: day(2026, 11, 18) }],
  ['30d', { from: day(2026, 10, 26) }],
  ['all', {}],
] as const)('means local days by %s', (range, expected) => {
  expect(toQuery(filter({ range }), noon)).toEqual(expected);
});

it('includes both days of a range, and takes one that is not given for open', () => {
  const range = filter({ range: 'custom', from: '2026-11-01', to: '2026-11-03' });
  expect(toQuery(range, noon)).toEqual({ from: day(2026, 11, 1), to: day(2026, 11, 4) });
  expect(toQuery({ ...range, from: '' }, noon)).toEqual({ to: day(2026, 11, 4) });
});

it('finds a number however it is written', () => {
  expect(toQuery(filter({ range: 'all', number: ' +1 (212) 555-9264 ' }), noon)).toEqual({ number: '+12125559264' });
  expect(toQuery(filter({ range: 'all', number: 'sip-user' }), noon)).toEqual({ number: 'sip-user' });
});
