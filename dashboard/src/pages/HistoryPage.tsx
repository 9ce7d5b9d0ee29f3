import { ExportLink } from '@/history/ExportLink';
import { HistoryFilters } from '@/history/HistoryFilters';
import { HistoryTable } from '@/history/HistoryTable';
import { readFilter, writeFilter, type HistoryFilter } from '@/history/query';
import { useHistory } from '@/history/useHistory';
import { Page } from '@/layout/Page';
import { ZoneNote } from '@/layout/ZoneNote';
import { Blank, Failure, Skeleton } from '@/ui/Blank';
import { HistoryIcon } from '@/ui/icons';
import { Older } from '@/ui/Older';
import { useCallback } from 'react';
import { Outlet, useSearchParams } from 'react-router';

export function HistoryPage() {
  const [search, setSearch] = useSearchParams();
  const filter = readFilter(search);
  const history = useHistory(filter);
  const calls = history.data?.pages.flatMap((page) => page.data) ?? [];
  const change = useCallback(
    (part: Partial<HistoryFilter>) =>
      setSearch((now) => writeFilter({ ...readFilter(now), ...part }), { replace: true, preventScrollReset: true }),
    [setSearch],
  );

  return (
    <Page title="History" actions={<ExportLink filter={filter} />}>
      <div className="grid gap-4">
        <section className="panel" aria-label="Calls" aria-busy={history.isFetching}>
          <HistoryFilters filter={filter} onChange={change} />
          {calls.length > 0 && <HistoryTable calls={calls} />}
          {history.isPending && <Skeleton label="Loading the calls" rows={8} />}
          {history.error && (
            <Failure title="The calls cannot be loaded" error={history.error} retry={() => void history.refetch()} />
          )}
          {history.isSuccess && calls.length === 0 && (
            <Blank icon={HistoryIcon} title="No calls">
              None that began in this time match the filters.
            </Blank>
          )}
          <Older word="Show older calls" list={history} />
        </section>
        <ZoneNote />
      </div>
      <Outlet />
    </Page>
  );
}
