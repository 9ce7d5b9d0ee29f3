import { PlusIcon } from '@/ui/icons';

/** What a page is there to add, in its head; on a phone by its sign alone. */
export function AddButton({ word, onClick }: { word: string; onClick: () => void }) {
  return (
    <button type="button" className="button button-primary" onClick={onClick}>
      <PlusIcon />
      <span className="max-sm:sr-only">{word}</span>
    </button>
  );
}
