import { answer, api } from '@/api/client';
import { toQuery, writeFilter, type HistoryFilter } from '@/history/query';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

const PAGE = 50;

/** The calls that the filter asks for, newest first, page after page. */
export function useHistory(filter: HistoryFilter) {
  return useInfiniteQuery({
    queryKey: ['history', writeFilter(filter).toString()],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.http.GET('/api/v1/calls', {
          params: { query: { ...toQuery(filter, new Date()), limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

export function useCall(callId: string) {
  return useQuery({
    queryKey: ['call', callId],
    queryFn: ({ signal }) =>
      answer(api.http.GET('/api/v1/calls/{identity}', { params: { path: { identity: callId } }, signal })),
  });
}
