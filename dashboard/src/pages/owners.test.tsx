/** What owners do, each on its page: what is sent, what is shown, and what is not shown again. */

import type { AuditEntry, DeadLetter, SenderKey } from '@/api/types';
import { session } from '@/auth/session';
import { findRows, openPage } from '@/testing/page';
import { get, refusal, server, url } from '@/testing/server';
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { afterEach, expect, it, vi } from 'vitest';

vi.mock('@/services/echo-client', async () => (await import('@/testing/fakeEcho')).silent);
afterEach(() => session.signOut());

const fill = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));
const at = '2026-01-01T12:00:00Z';

it('shows the secrets of a new sender key once', async () => {
  const keys: SenderKey[] = [];
  server.use(
    http.get(url('/api/v1/sender-keys'), () =>
      HttpResponse.json({ data: keys, pointing: { domain: 'd', domain_uuid: 'u', headers: {}, webhooks: [] } }),
    ),
    http.post(url('/api/v1/sender-keys'), async ({ request }) => {
      const { name } = (await request.json()) as { name: string };
      if (keys.length === 0 && name === 'taken') return refusal(422, 'VALIDATION_FAILED', { name: ['Is taken.'] });
      const key = { id: 'k1', name, bearer: true, signing: true, allow_unstamped: false, created_at: at, ends_at: null };
      keys.push(key);
      return HttpResponse.json({ key: 'the-key', signing_secret: 'the-secret', sender_key: key }, { status: 201 });
    }),
  );
  await openPage('/senders');
  expect(await screen.findByText('No sender key yet')).toBeTruthy();
  press('New key');
  fill('Name', 'taken');
  press('Make the key');
  expect(await screen.findByText('Is taken.')).toBeTruthy();
  fill('Name', ' Office ');
  press('Make the key');
  const shown = await screen.findByRole('dialog', { name: 'Sender key' });
  expect(within(shown).getAllByText(/^the-/).map(({ textContent }) => textContent)).toEqual(['the-key', 'the-secret']);
  press('Done');
  expect(await findRows()).toEqual([expect.stringContaining('Office')]);
  expect(document.body.textContent).not.toContain('the-key');
});

it('tries a dead letter again, and says why it cannot', async () => {
  const letter: DeadLetter = {
    id: 'event-7', kind: 'event', name: 'call.ended', target: 'presence.org.o1', reason: 'too large',
    attempts: 1, content: {}, created_at: at, failed_at: at,
  };
  let letters = [letter];
  let tried = 0;
  server.use(
    get('/api/v1/delivery', {
      behind: 0, committed: 7, delivered: 7, failed: 1, oldest: null, queues: { celery: 0 }, server_time: at,
      links: { flower: null, grafana: null },
    }),
    http.get(url('/api/v1/dead-letters'), () => HttpResponse.json({ data: letters })),
    http.post(url('/api/v1/dead-letters/{letter_id}/retry'), ({ params }) => {
      tried += 1;
      if (tried === 1) return refusal(503, 'UNAVAILABLE');
      letters = letters.filter(({ id }) => id !== params.letter_id);
      return new HttpResponse(null, { status: 204 });
    }),
  );
  await openPage('/delivery');
  expect(await findRows()).toEqual([expect.stringMatching(/call\.ended.*too large.*1 try/)]);
  press('Try again: call.ended');
  expect((await screen.findByRole('alert')).textContent).toBe('No.');
  expect(await findRows()).toHaveLength(1);
  press('Try again: call.ended');
  expect(await screen.findByText('Nothing that was to be delivered has been given up.')).toBeTruthy();
});

it('tells what people did, and of whom and what it is asked', async () => {
  const entry = (id: number, more: Partial<AuditEntry>): AuditEntry => ({
    id, at, action: 'login', actor: 'ada@demo.test', actor_id: 'u1', subject: 'ada@demo.test', subject_id: 'u1',
    details: {}, address: '192.0.2.7', ...more,
  });
  let asked = new URLSearchParams();
  server.use(
    get('/api/v1/users', { data: [] }),
    http.get(url('/api/v1/audit-log'), ({ request }) => {
      asked = new URL(request.url).searchParams;
      const change = { action: 'user.changed', subject: 'bob@demo.test' } as const;
      const details = { role: { from: 'pbx_user', to: 'owner' } };
      const stranger = { action: 'login.failed', actor: null, subject: 'bob@demo.test' } as const;
      return HttpResponse.json({ data: [entry(3, { ...change, details }), entry(2, stranger)], next_cursor: null });
    }),
  );
  await openPage('/audit');
  const [changed, failed] = await findRows();
  expect(changed).toMatch(/Changed the user.*bob@demo\.test · role: User → Owner.*ada@demo\.test/);
  expect(failed).toMatch(/Failed to log in.*bob@demo\.test/);
  fill('What', 'logins');
  await waitFor(() => expect(asked.getAll('action')).toEqual(['login', 'login.failed', 'logout']));
});

it('changes the password, and names the one that is wrong', async () => {
  const sent: unknown[] = [];
  server.use(
    http.post(url('/api/v1/auth/password'), async ({ request }) => {
      sent.push(await request.json());
      return sent.length === 1 ? refusal(403, 'WRONG_PASSWORD') : new HttpResponse(null, { status: 204 });
    }),
  );
  await openPage('/settings');
  fill('Current password', 'wrong');
  fill('New password', 'a new password ');
  press('Change the password');
  await waitFor(() => expect(screen.getByLabelText('Current password')).toHaveProperty('ariaInvalid', 'true'));
  fill('Current password', 'right');
  press('Change the password');
  expect(await screen.findByText(/Your password is changed/)).toBeTruthy();
  expect(sent.at(-1)).toEqual({ current_password: 'right', new_password: 'a new password ' });
  expect(screen.getByLabelText('New password')).toHaveProperty('value', '');
});
