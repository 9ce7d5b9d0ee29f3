import type { Statistics } from '@/api/types';
import { session } from '@/auth/session';
import { openPage } from '@/testing/page';
import { refusal, server, url } from '@/testing/server';
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { afterEach, expect, it, vi } from 'vitest';

vi.mock('@/services/echo-client', async () => (await import('@/testing/fakeEcho')).silent);
// What draws is a canvas, which jsdom has not; the table behind it says the same.
vi.mock('@/statistics/CallChart', () => ({ CallChart: () => null }));
afterEach(() => session.signOut());

const week: Statistics = {
  from: '2026-01-01T00:00:00Z',
  to: '2026-01-03T00:00:00Z',
  timezone: 'UTC',
  interval: 'day',
  totals: { total: 10, active: 1, answered: 6, completed: 6, busy: 1, no_answer: 2, failed: 0 },
  answer_rate: 0.6667,
  average_wait: 12,
  average_talk: 95,
  series: [
    { start: '2026-01-01T00:00:00Z', total: 4, answered: 1 },
    { start: '2026-01-02T00:00:00Z', total: 5, answered: 5 },
  ],
  hours: [],
  busiest_numbers: [{ number: '+18005550100', name: null, total: 9, answered: 6, talk: 570 }],
  busiest_extensions: [],
};

it('asks for the period that is chosen, and shows its figures in words and in a table', async () => {
  const asked: (string | null)[] = [];
  server.use(
    http.get(url('/api/v1/calls/statistics'), ({ request }) => {
      asked.push(new URL(request.url).searchParams.get('period'));
      return HttpResponse.json(week);
    }),
  );
  await openPage('/statistics');
  fireEvent.click(await screen.findByLabelText('7 days'));
  await waitFor(() => expect(asked).toEqual(['today', '7d']));
  const days = await screen.findByRole('region', { name: 'Calls per day' });
  fireEvent.click(within(days).getByLabelText('Table'));
  const cells = within(days).getAllByRole('cell').map(({ textContent }) => textContent);
  expect(cells).toEqual(['4', '1', '3', '5', '5', '0']); // those that no longer wait, answered, not answered of each day
  expect(screen.getByText('Answer rate').parentElement?.textContent).toContain('66.7%');
  expect(screen.getByText('Average talk').parentElement?.textContent).toContain('1:35');
  expect(screen.getByRole('row', { name: /\+1 800 555 0100/ }).textContent).toContain('66.7%');
});

it('says that they cannot be loaded, and tries again when asked to', async () => {
  server.use(
    http.get(url('/api/v1/calls/statistics'), () => refusal(403, 'FORBIDDEN'), { once: true }),
    http.get(url('/api/v1/calls/statistics'), () => HttpResponse.json(week)),
  );
  await openPage('/statistics?period=30d');
  fireEvent.click(await screen.findByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Answer rate')).toBeTruthy();
});
