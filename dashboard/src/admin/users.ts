/** The people of the organization, and what can be done about them. */

import { answer, api } from '@/api/client';
import type { InvitedUser, UserChange } from '@/api/types';
import { useChange } from '@/api/useChange';
import { useQuery } from '@tanstack/react-query';

const KEY = ['users'];

export function useUsers() {
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await answer(api.http.GET('/api/v1/users', { signal }))).data,
  });
}

export function useInvite() {
  return useChange(KEY, (body: InvitedUser) => answer(api.http.POST('/api/v1/users', { body })));
}

export function useInviteAgain() {
  return useChange(KEY, (user_id: string) =>
    answer(api.http.POST('/api/v1/users/{user_id}/invitation', { params: { path: { user_id } } })),
  );
}

export function useEditUser() {
  return useChange(KEY, ({ user_id, ...body }: UserChange & { user_id: string }) =>
    answer(api.http.PATCH('/api/v1/users/{user_id}', { params: { path: { user_id } }, body })),
  );
}

export function useDeactivate() {
  return useChange(KEY, (user_id: string) =>
    answer(api.http.POST('/api/v1/users/{user_id}/deactivate', { params: { path: { user_id } } })),
  );
}

export function useActivate() {
  return useChange(KEY, (user_id: string) =>
    answer(api.http.POST('/api/v1/users/{user_id}/activate', { params: { path: { user_id } } })),
  );
}
