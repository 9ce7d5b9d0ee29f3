import { CopyButton } from '@/ui/CopyButton';

/** Something to be copied: an address, a key, a command. */
export function Secret({ label, value }: { label: string; value: string }) {
  return (
    <div className="text-sm">
      <span className="font-medium">{label}</span>
      <span className="secret">
        <code className="min-w-0 flex-1 font-mono text-xs break-all">{value}</code>
        <CopyButton text={value} label={label} />
      </span>
    </div>
  );
}
