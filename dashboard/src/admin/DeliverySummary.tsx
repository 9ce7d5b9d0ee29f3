import { ageOf, conditionOf, type Condition } from '@/admin/delivery';
import type { Delivery } from '@/api/types';
import { formatDuration } from '@/formatting/duration';
import { formatCount } from '@/formatting/figures';
import { Figure, Figures } from '@/ui/Figures';
import { CheckIcon, HourglassIcon, WarningIcon, type Icon } from '@/ui/icons';

const LOOKS: Record<Condition, { text: string; icon: Icon; tone: string }> = {
  well: { text: 'Events are delivered as they happen.', icon: CheckIcon, tone: 'tone-good' },
  slow: { text: 'Events wait to be delivered. Dashboards fetch their calls meanwhile.', icon: HourglassIcon, tone: 'tone-warm' },
  failing: { text: 'The queue cannot be reached. Events are kept, and delivered once it can.', icon: WarningIcon, tone: 'tone-bad' },
};

export function DeliverySummary({ delivery }: { delivery: Delivery }) {
  const { text, icon: ConditionIcon, tone } = LOOKS[conditionOf(delivery)];
  const waiting = delivery.queues === null ? null : Object.values(delivery.queues).reduce((sum, depth) => sum + depth, 0);
  return (
    <>
      <p role="status" className={`notice ${tone}`}>
        <ConditionIcon className="mt-0.5 size-4" />
        {text}
      </p>
      <Figures label="Delivery">
        <Figure label="Waiting events" value={formatCount(delivery.behind)} note="of your organization" />
        <Figure
          label="Oldest"
          value={delivery.behind > 0 ? formatDuration(Math.round(ageOf(delivery.oldest))) : null}
          note={delivery.behind > 0 ? 'waiting since then' : 'nothing waits'}
        />
        <Figure label="Delivered" value={formatCount(delivery.delivered)} note={`of ${formatCount(delivery.committed)} events`} />
        <Figure label="Undeliverable" value={formatCount(delivery.failed)} note="skipped, and told to dashboards" />
        <Figure label="Queue" value={waiting === null ? null : formatCount(waiting)} note="tasks of all organizations" />
      </Figures>
    </>
  );
}
