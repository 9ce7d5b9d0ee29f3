/** Whether events reach the organization's dashboards. */

import { answer, api } from '@/api/client';
import type { Delivery } from '@/api/types';
import { useQuery } from '@tanstack/react-query';

const REFRESH_MS = 5_000;

/** Seconds that an event may wait before somebody should look after it. */
const SLOW_SECONDS = 10;

export function useDelivery() {
  return useQuery({
    queryKey: ['delivery'],
    queryFn: ({ signal }) => answer(api.http.GET('/api/v1/delivery', { signal })),
    refetchInterval: REFRESH_MS,
  });
}

export type Condition = 'well' | 'slow' | 'failing';

/** Failing where the queue cannot be asked, slow where an event waits for long. */
export function conditionOf({ oldest, queues }: Delivery): Condition {
  if (queues === null) return 'failing';
  return ageOf(oldest) >= SLOW_SECONDS ? 'slow' : 'well';
}

/** Seconds that the oldest undelivered event has waited; 0 where none waits. */
export function ageOf(oldest: Delivery['oldest']): number {
  return oldest && 'age_seconds' in oldest && typeof oldest.age_seconds === 'number' ? oldest.age_seconds : 0;
}
