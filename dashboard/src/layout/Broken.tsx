/** What stands in place of a page that threw, or whose script could not be loaded. */

import { Page } from '@/layout/Page';
import { Failure } from '@/ui/Blank';
import { useRouteError } from 'react-router';

/** Inside the shell, so that one can go elsewhere and still sees the connection's state. */
export function BrokenPage() {
  return (
    <Page title="Not shown">
      <section className="panel">
        <Broken title="This page cannot be shown" />
      </section>
    </Page>
  );
}

/** Where not even the shell can be shown. */
export function BrokenShell() {
  return (
    <main className="center-page">
      <Broken title="The board cannot be shown" />
    </main>
  );
}

function Broken({ title }: { title: string }) {
  return <Failure title={title} error={useRouteError()} action="Reload" retry={() => window.location.reload()} />;
}
