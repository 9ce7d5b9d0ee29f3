/** Logins and named tokens: an owner sees everybody's. */

import { answer, api } from '@/api/client';
import { useChange } from '@/api/useChange';
import { useQuery } from '@tanstack/react-query';

const KEY = ['tokens'];

export function useTokens(all: boolean) {
  return useQuery({
    queryKey: [...KEY, all],
    queryFn: async ({ signal }) =>
      (await answer(api.http.GET('/api/v1/tokens', { params: { query: { all } }, signal }))).data,
  });
}

export function useCreateToken() {
  return useChange(KEY, (body: { name: string; days: number }) => answer(api.http.POST('/api/v1/tokens', { body })));
}

export function useRevokeToken() {
  return useChange(KEY, (token_id: string) =>
    answer(api.http.DELETE('/api/v1/tokens/{token_id}', { params: { path: { token_id } } })),
  );
}
