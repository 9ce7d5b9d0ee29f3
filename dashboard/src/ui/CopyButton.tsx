import { CheckIcon, CopyIcon } from '@/ui/icons';
import { useEffect, useState } from 'react';

const SAID_MS = 2_000;

const WORDS = { asked: 'Copy', copied: 'Copied', refused: 'Select and copy' };

/** Copies `text`, and says so for a moment; or that it has to be done by hand. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [outcome, setOutcome] = useState<keyof typeof WORDS>('asked');

  useEffect(() => {
    if (outcome !== 'copied') return;
    const timer = setTimeout(() => setOutcome('asked'), SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async (button: HTMLButtonElement) => {
    const copied = (await writeToClipboard(text)) || copySelected(text, button);
    setOutcome(copied ? 'copied' : 'refused');
  };

  return (
    <button
      type="button"
      className="button button-small"
      aria-label={`Copy ${label}`}
      onClick={({ currentTarget }) => void copy(currentTarget)}
    >
      {outcome === 'copied' ? <CheckIcon /> : <CopyIcon />}
      <span role="status">{WORDS[outcome]}</span>
    </button>
  );
}

/** Browsers have this for pages over HTTPS and from the own machine only, and may refuse it there. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** The selection is made beside the button: outside of an open dialog nothing can be selected. */
function copySelected(text: string, button: HTMLButtonElement): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.className = 'sr-only';
  button.after(field);
  field.focus();
  field.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- over plain HTTP there is nothing else
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    field.remove();
    button.focus();
  }
}
