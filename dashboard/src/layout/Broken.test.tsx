/** What somebody sees whose page breaks, or belongs to a version that the server no longer has. */

import { session } from '@/auth/session';
import { reloadWhenOutdated } from '@/layout/outdated';
import { openPage } from '@/testing/page';
import { server } from '@/testing/server';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

vi.mock('@/services/echo-client', async () => (await import('@/testing/fakeEcho')).silent);
vi.mock('@/pages/HistoryPage', () => {
  throw new TypeError('Failed to fetch dynamically imported module');
});
vi.mock('@/pages/StatisticsPage', () => ({
  StatisticsPage: () => {
    throw new Error('a bug');
  },
}));

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => session.signOut());

it.each(['/history', '/statistics'])('keeps navigation and badge where %s breaks', async (path) => {
  await openPage(path);
  expect((await screen.findByRole('alert')).textContent).toContain('This page cannot be shown');
  expect(screen.getByRole('button', { name: 'Reload' })).toBeTruthy();
  expect(screen.getByTestId('connection-state')).toBeTruthy();
  fireEvent.click(screen.getAllByRole('link', { name: 'Settings' })[0] ?? expect.fail('no link'));
  expect(await screen.findByText('Appearance')).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});

it('is loaded anew when a script is gone: once, and only from a server that is there', async () => {
  let asked = 0;
  let isThere = false;
  server.use(
    http.head(`${window.location.origin}/`, () => {
      asked += 1;
      return isThere ? new HttpResponse(null) : HttpResponse.error();
    }),
  );
  const reload = vi.fn();
  reloadWhenOutdated(reload, sessionStorage);
  const missScript = () => window.dispatchEvent(new Event('vite:preloadError'));
  missScript();
  await waitFor(() => expect(asked).toBe(1));
  await new Promise(setImmediate);
  expect(reload).not.toHaveBeenCalled();
  isThere = true;
  missScript();
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
  missScript();
  await new Promise(setImmediate);
  expect(asked).toBe(2);
  expect(reload).toHaveBeenCalledOnce();
  sessionStorage.clear();
});
