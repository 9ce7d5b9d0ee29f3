import type { Statistics } from '@/api/types';
import { STATUSES } from '@/calls/statuses';
import { formatCount, formatShare } from '@/formatting/figures';
import { Panel } from '@/ui/Panel';

const OUTCOMES = ['completed', 'no_answer', 'busy', 'failed'] as const;

/** How calls ended, as parts of all that did. */
export function Outcomes({ totals }: Pick<Statistics, 'totals'>) {
  const ended = OUTCOMES.reduce((sum, outcome) => sum + totals[outcome], 0);
  return (
    <Panel title="Outcomes">
      <ul role="list" className="panel-body grid gap-4">
        {OUTCOMES.map((outcome) => {
          const { word, icon: OutcomeIcon } = STATUSES[outcome];
          const share = ended > 0 ? totals[outcome] / ended : null;
          return (
            <li key={outcome} className="text-sm">
              <span className="flex items-center gap-2">
                <OutcomeIcon className="size-4 text-muted" />
                <span className="flex-1 font-medium">{word}</span>
                <span className="tabular-nums">{formatCount(totals[outcome])}</span>
                <span className="w-14 text-right text-muted tabular-nums">{formatShare(share)}</span>
              </span>
              <span className="meter" aria-hidden="true">
                <span
                  className={outcome === 'completed' ? 'meter-answered' : 'meter-unanswered'}
                  style={{ width: `${(share ?? 0) * 100}%` }}
                />
              </span>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
