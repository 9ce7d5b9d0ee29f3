import { formatCount } from '@/formatting/figures';
import type { Bar } from '@/statistics/series';
import { Skeleton } from '@/ui/Blank';
import { Panel } from '@/ui/Panel';
import { Segments } from '@/ui/Segments';
import { lazy, Suspense, useState } from 'react';

const CallChart = lazy(async () => ({ default: (await import('@/statistics/CallChart')).CallChart }));

type View = 'chart' | 'table';

interface Props {
  title: string;
  /** What a bar stands for. */
  unit: string;
  bars: readonly Bar[];
}

/** Calls by hour or day: as a chart, with the table behind it. */
export function CallsOverTime({ title, unit, bars }: Props) {
  const [view, setView] = useState<View>('chart');

  return (
    <Panel
      title={title}
      aside={
        <Segments<View>
          label={`${title}: show as`}
          value={view}
          onChange={setView}
          choices={[
            { value: 'chart', label: 'Chart' },
            { value: 'table', label: 'Table' },
          ]}
        />
      }
    >
      {view === 'chart' ? (
        <div className="panel-body">
          <p className="legend" aria-hidden="true">
            <span className="legend-answered">Answered</span>
            <span className="legend-unanswered">Not answered</span>
          </p>
          <Suspense fallback={<Skeleton label="Loading the chart" rows={3} />}>
            <CallChart bars={bars} />
          </Suspense>
          <div className="sr-only">
            <BarTable unit={unit} bars={bars} />
          </div>
        </div>
      ) : (
        <BarTable unit={unit} bars={bars} />
      )}
    </Panel>
  );
}

function BarTable({ unit, bars }: Pick<Props, 'unit' | 'bars'>) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{unit}</th>
          <th scope="col" className="text-right">
            Calls
          </th>
          <th scope="col" className="text-right">
            Answered
          </th>
          <th scope="col" className="text-right">
            Not answered
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {bars.map(({ label, answered, unanswered }) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td className="text-right">{formatCount(answered + unanswered)}</td>
            <td className="text-right">{formatCount(answered)}</td>
            <td className="text-right">{formatCount(unanswered)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
