import type { Token } from '@/api/types';
import { deviceOf } from '@/admin/device';
import { KeyIcon, ScreenIcon } from '@/ui/icons';
import { Moment } from '@/ui/Moment';

interface Props {
  tokens: readonly Token[];
  onRevoke: (token: Token) => void;
}

export function TokenTable({ tokens, onRevoke }: Props) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="col-middle">
            Of
          </th>
          <th scope="col" className="col-middle">
            Last used
          </th>
          <th scope="col" className="col-wide">
            Expires
          </th>
          <th scope="col">
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr key={token.id}>
            <th scope="row">
              <span className="flex items-center gap-3">
                {token.kind === 'api' ? <KeyIcon className="size-5 text-muted" /> : <ScreenIcon className="size-5 text-muted" />}
                <span className="min-w-0">
                  <span className="block font-medium break-words">{nameOf(token)}</span>
                  <span className="block font-normal text-muted">
                    {token.kind === 'api' ? 'API token' : 'Login'}
                    {token.current && ', this one'}
                  </span>
                  <span className="narrow-only font-normal text-muted">{token.user.name}</span>
                </span>
              </span>
            </th>
            <td className="col-middle">{token.user.name}</td>
            <td className="col-middle text-muted">
              {token.last_used_at ? <Moment at={token.last_used_at} shape="short" /> : 'Never'}
            </td>
            <td className="col-wide text-muted">
              <Moment at={token.expires_at} shape="day" />
            </td>
            <td>
              <span className="actions">
                {!token.current && (
                  <button
                    type="button"
                    className="button button-small button-danger"
                    aria-label={`Revoke: ${nameOf(token)}`}
                    onClick={() => onRevoke(token)}
                  >
                    Revoke
                  </button>
                )}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function nameOf(token: Token): string {
  return token.kind === 'api' ? token.name : deviceOf(token.name);
}
