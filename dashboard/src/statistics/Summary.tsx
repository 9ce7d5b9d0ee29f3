import type { Statistics } from '@/api/types';
import { formatDuration } from '@/formatting/duration';
import { formatCount, formatShare } from '@/formatting/figures';
import { Figure, Figures } from '@/ui/Figures';

export function Summary({ statistics: { totals, answer_rate, average_wait, average_talk } }: { statistics: Statistics }) {
  const missed = totals.busy + totals.no_answer + totals.failed;
  return (
    <Figures label="Summary">
      <Figure label="Calls" value={formatCount(totals.total)} note={`${formatCount(totals.active)} in progress`} />
      <Figure
        label="Answer rate"
        value={formatShare(answer_rate)}
        note={`${formatCount(totals.answered)} answered, ${formatCount(missed)} not`}
      />
      <Figure label="Average wait" value={seconds(average_wait)} note="until the answer" />
      <Figure label="Average talk" value={seconds(average_talk)} note="of completed calls" />
    </Figures>
  );
}

function seconds(average: number | null): string | null {
  return average === null ? null : formatDuration(Math.round(average));
}
