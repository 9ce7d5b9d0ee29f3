import { Page } from '@/layout/Page';
import { Skeleton } from '@/ui/Blank';

/** Until the script of the page that one began with is there. */
export function ComingPage() {
  return (
    <Page title="Loading">
      <section className="panel">
        <Skeleton label="Loading the page" rows={8} />
      </section>
    </Page>
  );
}
