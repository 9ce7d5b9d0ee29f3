import { useUsers } from '@/admin/users';
import { TOPIC_WORDS, type Topic } from '@/audit/actions';
import { AuditTable } from '@/audit/AuditTable';
import { useAuditLog, type AuditFilter } from '@/audit/useAuditLog';
import { Page } from '@/layout/Page';
import { ZoneNote } from '@/layout/ZoneNote';
import { Blank, Failure, Skeleton } from '@/ui/Blank';
import { AuditIcon } from '@/ui/icons';
import { Older } from '@/ui/Older';
import { Select } from '@/ui/Select';
import { useState } from 'react';

const TOPIC_OPTIONS = Object.entries(TOPIC_WORDS) as [Topic, string][];

export function AuditPage() {
  const [filter, setFilter] = useState<AuditFilter>({ topic: '', user: '' });
  const log = useAuditLog(filter);
  const users = useUsers();
  const people = users.data?.map(({ id, name }) => [id, name] as const) ?? [];
  const entries = log.data?.pages.flatMap((page) => page.data) ?? [];

  return (
    <Page title="Audit log">
      <div className="grid gap-4">
        <section className="panel" aria-label="Audit log" aria-busy={log.isFetching}>
          <div className="toolbar filters" role="search" aria-label="Audit log">
            <Select<Topic | ''>
              label="What"
              value={filter.topic}
              onChange={(topic) => setFilter({ ...filter, topic })}
              options={[['', 'Everything'], ...TOPIC_OPTIONS]}
            />
            <Select
              label="Who"
              value={filter.user}
              onChange={(user) => setFilter({ ...filter, user })}
              options={[['', 'Everybody'], ...people]}
            />
          </div>
          {entries.length > 0 && <AuditTable entries={entries} />}
          {log.isPending && <Skeleton label="Loading the audit log" rows={8} />}
          {log.error && (
            <Failure title="The audit log cannot be loaded" error={log.error} retry={() => void log.refetch()} />
          )}
          {log.isSuccess && entries.length === 0 && (
            <Blank icon={AuditIcon} title="Nothing">
              Nothing of this kind has happened in the last year.
            </Blank>
          )}
          <Older word="Show older entries" list={log} />
        </section>
        <ZoneNote />
      </div>
    </Page>
  );
}
