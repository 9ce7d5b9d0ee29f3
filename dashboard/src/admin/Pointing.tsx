import type { SenderKeys } from '@/api/types';
import { Facts } from '@/ui/Facts';
import { Panel } from '@/ui/Panel';
import { Secret } from '@/ui/Secret';

const PURPOSES: Record<string, string> = {
  'call-initiated': 'A call begins (voice application, or our own form)',
  'call-status': 'A call moves on (our own form)',
  'session-update': 'A session changes (Cloudonix)',
  cdr: 'The detail record of a call (Cloudonix)',
};

/** How a sender is pointed here: addresses, and what each request must carry. */
export function Pointing({ pointing }: { pointing: SenderKeys['pointing'] }) {
  return (
    <Panel title="Point a sender here">
      <div className="panel-body grid grid-cols-1 gap-6">
        <div className="grid grid-cols-1 gap-4">
          {pointing.webhooks.map(({ name, url }) => (
            <Secret key={name} label={PURPOSES[name] ?? name} value={url} />
          ))}
        </div>
        <div className="grid grid-cols-1 gap-4 border-t border-line pt-5">
          <p className="text-sm text-muted">Each payload names your organization by its domain or the domain’s UUID.</p>
          <Secret label="Domain" value={pointing.domain} />
          <Secret label="Domain UUID" value={pointing.domain_uuid} />
        </div>
        <div className="grid grid-cols-1 gap-4 border-t border-line pt-5">
          <p className="text-sm text-muted">Each request proves who sends it: by the key, or by a signature.</p>
          <Facts
            facts={Object.entries(pointing.headers).map(([name, value]) => [
              name,
              <code key={name} className="font-mono text-xs">
                {value}
              </code>,
            ])}
          />
        </div>
      </div>
    </Panel>
  );
}
