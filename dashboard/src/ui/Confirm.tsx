import { Dialog } from '@/ui/Dialog';
import { Problem } from '@/ui/Problem';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  children: ReactNode;
  action: string;
  busy: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that ends what people or programs are using. */
export function Confirm({ title, children, action, busy, error, onConfirm, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog-main">
        <div className="text-sm">{children}</div>
        <Problem error={error} />
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" className="button button-danger" disabled={busy} onClick={onConfirm}>
            {action}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
