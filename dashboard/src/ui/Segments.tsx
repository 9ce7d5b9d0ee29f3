import type { Icon } from '@/ui/icons';
import { useId } from 'react';

export interface Choice<Value extends string> {
  value: Value;
  label: string;
  icon?: Icon;
  count?: number;
}

interface Props<Value extends string> {
  label: string;
  choices: readonly Choice<Value>[];
  value: Value;
  onChange: (value: Value) => void;
  className?: string;
}

/** One of a few, all in sight: radio buttons, so that arrow keys move among them. */
export function Segments<Value extends string>({ label, choices, value, onChange, className = '' }: Props<Value>) {
  const name = useId();
  return (
    <div role="radiogroup" aria-label={label} className={`segments ${className}`}>
      {choices.map(({ value: choice, label: word, icon: ChoiceIcon, count }) => (
        <label key={choice} className="segment">
          <input
            type="radio"
            className="sr-only"
            name={name}
            value={choice}
            checked={choice === value}
            onChange={() => onChange(choice)}
          />
          {ChoiceIcon && <ChoiceIcon />}
          {word}
          {count !== undefined && <span className="segment-count">{count}</span>}
        </label>
      ))}
    </div>
  );
}
