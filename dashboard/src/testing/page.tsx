/** The whole application, opened at an address by somebody who is signed in; its socket is not there. */

import { App } from '@/App';
import { session } from '@/auth/session';
import { router } from '@/routes';
import { get, organization, server } from '@/testing/server';
import { render, screen, within } from '@testing-library/react';

export async function openPage(path: string): Promise<void> {
  server.use(get('/api/v1/calls/active', { data: [], sequence: 0, server_time: '2026-01-01T12:00:00Z' }));
  await session.signIn('ada@demo.test', 'secret');
  await router.navigate(path);
  render(<App />);
  await screen.findByTitle(organization.name);
}

/** What the first column of the page's table says, row by row. */
export async function findRows(): Promise<string[]> {
  const [, body] = within(await screen.findByRole('table')).getAllByRole('rowgroup');
  return within(body ?? expectBody())
    .getAllByRole('row')
    .map((row) => row.textContent);
}

function expectBody(): never {
  throw new Error('the table has no body');
}
