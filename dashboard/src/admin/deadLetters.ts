/** What was given up: events that can never be published, and webhooks that nobody took. */

import { answer, api } from '@/api/client';
import { useChange } from '@/api/useChange';
import { useQuery } from '@tanstack/react-query';

const KEY = ['dead-letters'];
const REFRESH_MS = 15_000;

export function useDeadLetters() {
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await answer(api.http.GET('/api/v1/dead-letters', { signal }))).data,
    refetchInterval: REFRESH_MS,
  });
}

export function useRetry() {
  return useChange(KEY, (letter_id: string) =>
    answer(api.http.POST('/api/v1/dead-letters/{letter_id}/retry', { params: { path: { letter_id } } })),
  );
}

export function useDrop() {
  return useChange(KEY, (letter_id: string) =>
    answer(api.http.DELETE('/api/v1/dead-letters/{letter_id}', { params: { path: { letter_id } } })),
  );
}
