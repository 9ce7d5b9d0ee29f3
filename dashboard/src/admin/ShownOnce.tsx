import { Dialog } from '@/ui/Dialog';
import { Secret } from '@/ui/Secret';

interface Props {
  title: string;
  explanation: string;
  secrets: readonly (readonly [string, string])[];
  onClose: () => void;
}

/** Secrets that nobody is shown again. */
export function ShownOnce({ title, explanation, secrets, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog-main">
        <p className="text-sm text-muted">{explanation}</p>
        {secrets.map(([label, value]) => (
          <Secret key={label} label={label} value={value} />
        ))}
        <div className="dialog-foot">
          <button type="button" className="button button-primary" onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}
