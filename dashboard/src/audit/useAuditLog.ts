import { answer, api } from '@/api/client';
import { TOPICS, type Topic } from '@/audit/actions';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';

const PAGE = 50;

export interface AuditFilter {
  topic: Topic | '';
  /** Id of who did it, or to whom it was done. */
  user: string;
}

/** What happened, newest first, page after page. */
export function useAuditLog({ topic, user }: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ['audit', topic, user],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.http.GET('/api/v1/audit-log', {
          params: {
            query: {
              limit: PAGE,
              ...(topic ? { action: [...TOPICS[topic]] } : {}),
              ...(user ? { user } : {}),
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}
