import { messageOf } from '@/api/error';
import { WarningIcon } from '@/ui/icons';

/** What went wrong with a request, in words; nothing where nothing did. */
export function Problem({ error, className = '' }: { error: unknown; className?: string }) {
  if (!error) return null;
  return (
    <p role="alert" className={`notice tone-bad ${className}`}>
      <WarningIcon className="mt-0.5 size-4" />
      {messageOf(error)}
    </p>
  );
}
