import type { Statistics } from '@/api/types';
import { formatDuration } from '@/formatting/duration';
import { formatCount, formatShare } from '@/formatting/figures';
import { formatNumber } from '@/formatting/phone';
import { Panel } from '@/ui/Panel';

interface Props {
  title: string;
  column: string;
  ranking: Statistics['busiest_numbers'];
}

export function Busiest({ title, column, ranking }: Props) {
  return (
    <Panel title={title}>
      {ranking.length > 0 ? (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{column}</th>
              <th scope="col" className="text-right">
                Calls
              </th>
              <th scope="col" className="text-right">
                Answered
              </th>
              <th scope="col" className="busiest-talk text-right">
                Talk
              </th>
            </tr>
          </thead>
          <tbody className="tabular-nums">
            {ranking.map(({ number, name, total, answered, talk }) => (
              <tr key={number}>
                <th scope="row">
                  <span className="whitespace-nowrap">{formatNumber(number)}</span>
                  {name && <span className="block font-normal text-muted">{name}</span>}
                </th>
                <td className="text-right">{formatCount(total)}</td>
                <td className="text-right">{formatShare(total > 0 ? answered / total : null)}</td>
                <td className="busiest-talk text-right">{formatDuration(talk)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="border-t border-line px-4 py-8 text-center text-sm text-muted">None in this time.</p>
      )}
    </Panel>
  );
}
