import type { CallFilter, Stage } from '@/calls/filter';
import { DIRECTION_OPTIONS } from '@/calls/statuses';
import { SearchIcon } from '@/ui/icons';
import { Segments } from '@/ui/Segments';
import { Select } from '@/ui/Select';

interface Props {
  filter: CallFilter;
  onChange: (filter: CallFilter) => void;
  counts: Record<Stage, number>;
}

export function CallFilters({ filter, onChange, counts }: Props) {
  return (
    <div className="toolbar" role="search" aria-label="Live calls">
      <label className="search">
        <SearchIcon />
        <span className="sr-only">Search numbers and extensions</span>
        <input
          type="search"
          className="input"
          placeholder="Search calls"
          value={filter.text}
          onChange={(event) => onChange({ ...filter, text: event.target.value })}
        />
      </label>
      <Segments<Stage>
        className="max-sm:order-last max-sm:w-full"
        label="State"
        value={filter.stage}
        onChange={(stage) => onChange({ ...filter, stage })}
        choices={[
          { value: 'all', label: 'All', count: counts.all },
          { value: 'ringing', label: 'Ringing', count: counts.ringing },
          { value: 'talking', label: 'In call', count: counts.talking },
        ]}
      />
      <Select<CallFilter['direction']>
        label="Direction"
        value={filter.direction}
        onChange={(direction) => onChange({ ...filter, direction })}
        options={[['all', 'All directions'], ...DIRECTION_OPTIONS]}
      />
    </div>
  );
}
