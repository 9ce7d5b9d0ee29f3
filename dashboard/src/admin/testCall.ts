/** A call that a sender could have told of: it rings, is answered and ends, by real webhooks. */

import { ApiError } from '@/api/error';
import type { SenderKeys } from '@/api/types';

export type Pointing = SenderKeys['pointing'];

interface Step {
  webhook: string;
  status: 'initiated' | 'answered' | 'completed';
  /** After the step before it. */
  afterMs: number;
}

export const STEPS: readonly Step[] = [
  { webhook: 'call-initiated', status: 'initiated', afterMs: 0 },
  { webhook: 'call-status', status: 'answered', afterMs: 3_000 },
  { webhook: 'call-status', status: 'completed', afterMs: 6_000 },
];

/** Calls `onStep` with how many steps the server has taken. Throws `ApiError` when it refuses one. */
export async function placeTestCall(pointing: Pointing, key: string, onStep: (taken: number) => void): Promise<void> {
  const call = {
    call_id: `test-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`,
    domain: pointing.domain,
    from: '+12025550123',
    to: '+12025550199',
    direction: 'inbound',
  };
  for (const [index, { webhook, status, afterMs }] of STEPS.entries()) {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    const url = pointing.webhooks.find(({ name }) => name === webhook)?.url;
    if (!url) throw new ApiError(0, 'NO_WEBHOOK', `The server knows no webhook ${webhook}.`);
    await post(new URL(url).pathname, key, { ...call, status, timestamp: Math.floor(Date.now() / 1_000) });
    onStep(index + 1);
  }
}

/** To this page's own server, by whatever name it is known to senders. */
async function post(path: string, key: string, body: unknown): Promise<void> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new ApiError(0, 'NETWORK', 'The server cannot be reached.');
  });
  if (!response.ok) throw await ApiError.from(response);
}
