import { session } from '@/auth/session';
import { callRecord } from '@/testing/calls';
import { findRows, openPage } from '@/testing/page';
import { refusal, server, url } from '@/testing/server';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

vi.mock('@/services/echo-client', async () => (await import('@/testing/fakeEcho')).silent);

let asked: URLSearchParams[];
beforeEach(() => {
  asked = [];
  server.use(
    http.get(url('/api/v1/calls'), ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      const older = query.get('cursor') === 'older';
      return HttpResponse.json({
        data: [callRecord(older ? 'c2' : 'c1', { status: 'busy', from_number: older ? 'sip-old' : 'sip-new' })],
        next_cursor: older ? null : 'older',
      });
    }),
  );
});
afterEach(() => session.signOut());

it('asks for what its address says and what is chosen then, and shows what comes', async () => {
  await openPage('/history?range=all&status=busy');
  expect(await findRows()).toEqual([expect.stringContaining('sip-new')]);
  expect(Object.fromEntries(asked[0] ?? [])).toEqual({ status: 'busy', limit: '50' });
  fireEvent.change(screen.getByLabelText('Direction'), { target: { value: 'inbound' } });
  await waitFor(() => expect(asked.at(-1)?.get('direction')).toBe('inbound'));
  fireEvent.change(screen.getByLabelText('Number'), { target: { value: '+1 (212) 555' } });
  await waitFor(() => expect(asked.at(-1)?.get('number')).toBe('+1212555'));
  expect(asked.at(-1)?.get('status')).toBe('busy');
  const link = screen.getByRole('link', { name: 'Export CSV' }).getAttribute('href');
  expect(link).toMatch(/export\.csv\?.*direction=inbound/);
});

it('adds older calls below by the cursor, until there are none', async () => {
  await openPage('/history?range=all');
  fireEvent.click(await screen.findByRole('button', { name: 'Show older calls' }));
  await waitFor(async () => expect(await findRows()).toHaveLength(2));
  expect((await findRows())[1]).toContain('sip-old');
  expect(asked.at(-1)?.get('cursor')).toBe('older');
  expect(screen.queryByRole('button', { name: 'Show older calls' })).toBeNull();
});

it('says why there is nothing to see, and tries again when asked to', async () => {
  server.use(http.get(url('/api/v1/calls'), () => refusal(422, 'VALIDATION_FAILED'), { once: true }));
  await openPage('/history?range=30d');
  expect((await screen.findByRole('alert')).textContent).toContain('Request req-1');
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await findRows()).toHaveLength(1);
});
