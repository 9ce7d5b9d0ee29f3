import type { CallDirection, CallStatus } from '@/api/types';
import { DIRECTION_OPTIONS, STATUSES } from '@/calls/statuses';
import { RANGES, type HistoryFilter, type Range } from '@/history/query';
import { SearchIcon } from '@/ui/icons';
import { Select } from '@/ui/Select';
import { useEffect, useState } from 'react';

const RANGE_WORDS: Record<Range, string> = {
  today: 'Today',
  yesterday: 'Yesterday',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  all: 'All time',
  custom: 'Between two days',
};

// A call in its first moment and one that rings look the same, and the first is kept for a moment only.
const STATUS_OPTIONS = (Object.keys(STATUSES) as CallStatus[])
  .filter((status) => status !== 'initiated')
  .map((status) => [status, STATUSES[status].word] as const);

/** Typing is over after this pause. */
const TYPING_MS = 350;

interface Props {
  filter: HistoryFilter;
  onChange: (change: Partial<HistoryFilter>) => void;
}

export function HistoryFilters({ filter, onChange }: Props) {
  return (
    <div className="toolbar filters" role="search" aria-label="Call history">
      <TypedText
        label="Number"
        value={filter.number}
        onChange={(number) => onChange({ number })}
        className="search sm:basis-52"
        icon
      />
      <TypedText
        label="Extension"
        value={filter.extension}
        onChange={(extension) => onChange({ extension })}
        className="sm:w-28"
      />
      <Select<Range>
        label="Time"
        value={filter.range}
        onChange={(range) => onChange({ range })}
        options={RANGES.map((range) => [range, RANGE_WORDS[range]])}
      />
      {filter.range === 'custom' && (
        <>
          <Day label="From" value={filter.from} onChange={(from) => onChange({ from })} />
          <Day label="To" value={filter.to} onChange={(to) => onChange({ to })} />
        </>
      )}
      <Select<CallStatus | ''>
        label="Status"
        value={filter.status}
        onChange={(status) => onChange({ status })}
        options={[['', 'Any status'], ...STATUS_OPTIONS]}
      />
      <Select<CallDirection | ''>
        label="Direction"
        value={filter.direction}
        onChange={(direction) => onChange({ direction })}
        options={[['', 'All directions'], ...DIRECTION_OPTIONS]}
      />
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className: string;
  icon?: boolean;
}

function TypedText({ label, value, onChange, className, icon = false }: TextProps) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // Changed from elsewhere, as by going back.
  if (value !== known) {
    setKnown(value);
    setTyped(value);
  }

  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);

  return (
    <label className={className}>
      {icon && <SearchIcon />}
      <span className="sr-only">{label}</span>
      <input
        type="search"
        className="input w-full"
        placeholder={label}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </label>
  );
}

function Day({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label>
      <span className="sr-only">{label}</span>
      <input type="date" className="input w-full" value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
