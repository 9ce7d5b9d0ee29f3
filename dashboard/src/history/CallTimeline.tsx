import type { CallDetail } from '@/api/types';
import { STATUSES } from '@/calls/statuses';
import { Moment } from '@/ui/Moment';

type Step = CallDetail['timeline'][number];

const NOTES: Record<string, string> = {
  late: 'told late, changed nothing',
  correction: 'corrected by the detail record',
};

/** Seconds between a step and our hearing of it from which on that is worth telling. */
const LATE_SECONDS = 5;

/** What the sender told of the call, in the order in which it was heard. */
export function CallTimeline({ steps }: { steps: readonly Step[] }) {
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title" className="mb-3 font-semibold">
        Timeline
      </h3>
      <ol role="list" className="timeline">
        {steps.map((step, index) => {
          const { word, icon: StepIcon, tone } = STATUSES[step.status];
          const delay = Math.round((Date.parse(step.heard_at) - Date.parse(step.at)) / 1_000);
          return (
            <li key={index} className="timeline-step">
              <span className={`timeline-mark ${tone.replace(' ringing', '')}`}>
                <StepIcon />
              </span>
              <span className="min-w-0 flex-1">
                <span className="block font-medium">{word}</span>
                {NOTES[step.step] && <span className="block text-muted">{NOTES[step.step]}</span>}
                {delay >= LATE_SECONDS && <span className="block text-muted">heard {delay} s later</span>}
              </span>
              <span className="text-muted">
                <Moment at={step.at} shape="clock" />
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
