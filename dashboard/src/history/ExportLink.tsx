import { toQuery, type HistoryFilter } from '@/history/query';
import { DownloadIcon } from '@/ui/icons';

/** All calls that the filter asks for, as the server streams them. */
export function ExportLink({ filter }: { filter: HistoryFilter }) {
  const query = Object.entries(toQuery(filter, new Date())).map(([name, value]) => [name, String(value)]);
  return (
    <a className="button" href={`/api/v1/calls/export.csv?${new URLSearchParams(query).toString()}`} download>
      <DownloadIcon />
      <span className="max-sm:sr-only">Export CSV</span>
    </a>
  );
}
