import { DeadLetters } from '@/admin/DeadLetters';
import { useDelivery } from '@/admin/delivery';
import { DeliverySummary } from '@/admin/DeliverySummary';
import type { Delivery } from '@/api/types';
import { useSignedIn } from '@/hooks/useSession';
import { Page } from '@/layout/Page';
import { Failure, Skeleton } from '@/ui/Blank';
import { ExternalIcon } from '@/ui/icons';
import { Panel } from '@/ui/Panel';

export function DeliveryPage() {
  const { user } = useSignedIn();
  const delivery = useDelivery();

  return (
    <Page title="Delivery">
      <div className="grid gap-4">
        {delivery.data ? (
          <>
            <DeliverySummary delivery={delivery.data} />
            {user.role === 'owner' && <DeadLetters />}
            <Tools links={delivery.data.links} />
          </>
        ) : (
          <section className="panel" aria-label="Delivery">
            {delivery.error ? (
              <Failure
                title="The state of delivery cannot be loaded"
                error={delivery.error}
                retry={() => void delivery.refetch()}
              />
            ) : (
              <Skeleton label="Loading the state of delivery" rows={3} />
            )}
          </section>
        )}
      </div>
    </Page>
  );
}

/** Where to look further, in an installation that has it. */
function Tools({ links: { flower, grafana } }: Pick<Delivery, 'links'>) {
  const tools = [
    ['Flower', 'tasks and workers', flower],
    ['Grafana', 'metrics over time', grafana],
  ] as const;
  const known = tools.filter(([, , url]) => url !== null);
  if (known.length === 0) return null;
  return (
    <Panel title="Look further">
      <ul role="list" className="link-list border-t border-line">
        {known.map(([name, purpose, url]) => (
          <li key={name}>
            <a className="link-row text-sm" href={url ?? undefined} target="_blank" rel="noreferrer">
              <span className="flex-1">
                {name} <span className="font-normal text-muted">{purpose}</span>
              </span>
              <ExternalIcon className="size-4 text-muted" />
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
