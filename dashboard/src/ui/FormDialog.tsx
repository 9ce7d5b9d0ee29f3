import { ApiError } from '@/api/error';
import { Dialog } from '@/ui/Dialog';
import { Problem } from '@/ui/Problem';
import type { ReactNode, SubmitEvent } from 'react';

interface Props {
  title: string;
  /** The word on the button that sends it. */
  action: string;
  /** The request that it makes. */
  request: { isPending: boolean; error: unknown };
  onSubmit: (form: FormData) => void;
  onClose: () => void;
  /** The fields, given what the server found wrong with each. */
  children: (problemWith: (field: string) => string | null) => ReactNode;
}

/** A few fields to fill in, and what the server said to them. */
export function FormDialog({ title, action, request, onSubmit, onClose, children }: Props) {
  const { error, isPending } = request;
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog-main" onSubmit={submit}>
        {children((field) => (error instanceof ApiError ? error.problemWith(field) : null))}
        <Problem error={error} />
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={isPending}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
