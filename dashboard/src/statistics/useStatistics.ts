import { answer, api } from '@/api/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';

export const PERIODS = ['today', '7d', '30d'] as const;
export type Period = (typeof PERIODS)[number];

/** Figures of a day that is still running are asked for again now and then. */
const REFRESH_MS = 60_000;

export function useStatistics(period: Period) {
  return useQuery({
    queryKey: ['statistics', period],
    queryFn: ({ signal }) =>
      answer(api.http.GET('/api/v1/calls/statistics', { params: { query: { period } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}
