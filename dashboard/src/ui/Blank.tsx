/** What stands where content would be: nothing there, not loaded, or still on its way. */

import { ApiError, messageOf } from '@/api/error';
import { RetryIcon, WarningIcon, type Icon } from '@/ui/icons';
import type { ReactNode } from 'react';

interface BlankProps {
  icon: Icon;
  title: string;
  /** The element of the title: a heading where the page has no other. */
  titleAs?: 'p' | 'h1';
  children?: ReactNode;
}

export function Blank({ icon: BlankIcon, title, titleAs: Title = 'p', children }: BlankProps) {
  return (
    <div className="blank">
      <span className="blank-icon">
        <BlankIcon className="size-6" />
      </span>
      <Title className="blank-title">{title}</Title>
      {children && <div className="max-w-md">{children}</div>}
    </div>
  );
}

interface FailureProps {
  title: string;
  error: unknown;
  retry: () => void;
  /** What the button says. */
  action?: string;
}

/** What failed, with the way to try it again. */
export function Failure({ title, error, retry, action = 'Try again' }: FailureProps) {
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div className="blank" role="alert">
      <span className="blank-icon tone-bad">
        <WarningIcon className="size-6" />
      </span>
      <p className="blank-title">{title}</p>
      <p>{messageOf(error)}</p>
      {requestId && <p className="text-xs">Request {requestId}</p>}
      <button type="button" className="button mt-3" onClick={retry}>
        <RetryIcon /> {action}
      </button>
    </div>
  );
}

/** Lines that hold the place of a list. */
export function Skeleton({ label, rows = 5 }: { label: string; rows?: number }) {
  return (
    <div role="status">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="skeleton-row" aria-hidden="true">
          <span className="skeleton w-24" />
          <span className="skeleton w-2/5" />
          <span className="skeleton ml-auto w-12" />
        </div>
      ))}
    </div>
  );
}
