/** What telephony senders prove themselves with. */

import { answer, api } from '@/api/client';
import { useChange } from '@/api/useChange';
import { useQuery } from '@tanstack/react-query';

const KEY = ['sender-keys'];

/** Hours for which a key stays good that another one replaces. */
const OVERLAP_HOURS = 24;

export function useSenderKeys() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => answer(api.http.GET('/api/v1/sender-keys', { signal })),
  });
}

export function useCreateSenderKey() {
  return useChange(KEY, (name: string) =>
    answer(
      api.http.POST('/api/v1/sender-keys', { body: { name, bearer: true, signing: true, allow_unstamped: false } }),
    ),
  );
}

export function useRotateSenderKey() {
  return useChange(KEY, (key_id: string) =>
    answer(
      api.http.POST('/api/v1/sender-keys/{key_id}/rotate', {
        params: { path: { key_id } },
        body: { overlap_hours: OVERLAP_HOURS },
      }),
    ),
  );
}

export function useRevokeSenderKey() {
  return useChange(KEY, (key_id: string) =>
    answer(api.http.DELETE('/api/v1/sender-keys/{key_id}', { params: { path: { key_id } } })),
  );
}
