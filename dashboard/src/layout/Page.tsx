import mark from '@/assets/mark.svg';
import { ConnectionBadge } from '@/connection/ConnectionBadge';
import { StaleNotice } from '@/connection/StaleNotice';
import { useLiveState } from '@/hooks/useLiveState';
import { useTabTitle } from '@/hooks/useTabTitle';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** In the browser's tab, where it is to say more than the title. */
  tabTitle?: string;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page's head with the connection's state, which is in sight wherever one is, and its content. */
export function Page({ title, tabTitle = title, actions, children }: Props) {
  const live = useLiveState();

  useTabTitle(`${tabTitle} · OPBX`);

  return (
    <>
      <div className="page-top">
        <header className="page-head">
          <img src={mark} alt="" className="size-7 max-[24rem]:hidden lg:hidden" />
          <h1 className="min-w-0 flex-1 truncate text-xl font-semibold tracking-tight">{title}</h1>
          {actions}
          <ConnectionBadge connection={live.connection} nextTryAt={live.nextTryAt} />
        </header>
        <StaleNotice {...live} />
      </div>
      <main id="content" tabIndex={-1} className="page">
        {children}
      </main>
    </>
  );
}
