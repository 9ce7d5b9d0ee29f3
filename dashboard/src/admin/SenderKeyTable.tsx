import type { SenderKey } from '@/api/types';
import { Blank } from '@/ui/Blank';
import { SenderIcon } from '@/ui/icons';
import { Moment } from '@/ui/Moment';

interface Props {
  keys: readonly SenderKey[];
  onRotate: (key: SenderKey) => void;
  onRevoke: (key: SenderKey) => void;
}

export function SenderKeyTable({ keys, onRotate, onRevoke }: Props) {
  if (keys.length === 0) {
    return (
      <Blank icon={SenderIcon} title="No sender key yet">
        Make one, and give it to whoever tells of your calls.
      </Blank>
    );
  }
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="col-middle">
            Proves with
          </th>
          <th scope="col" className="col-middle">
            Made
          </th>
          <th scope="col">
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">
              <span className="block font-medium">{key.name}</span>
              {key.ends_at && (
                <span className="block font-normal text-warm">
                  good until <Moment at={key.ends_at} shape="short" />
                </span>
              )}
            </th>
            <td className="col-middle text-muted">{waysOf(key)}</td>
            <td className="col-middle text-muted">
              <Moment at={key.created_at} shape="day" />
            </td>
            <td>
              <span className="actions">
                {!key.ends_at && (
                  <button
                    type="button"
                    className="button button-small button-quiet"
                    aria-label={`Replace: ${key.name}`}
                    onClick={() => onRotate(key)}
                  >
                    Replace
                  </button>
                )}
                <button
                  type="button"
                  className="button button-small button-danger"
                  aria-label={`Revoke: ${key.name}`}
                  onClick={() => onRevoke(key)}
                >
                  Revoke
                </button>
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function waysOf({ bearer, signing }: SenderKey): string {
  return [bearer && 'key', signing && 'signature'].filter(Boolean).join(' or ');
}
