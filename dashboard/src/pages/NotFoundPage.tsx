import { Page } from '@/layout/Page';
import { Blank } from '@/ui/Blank';
import { SearchIcon } from '@/ui/icons';
import { Link } from 'react-router';

export function NotFoundPage() {
  return (
    <Page title="Not found">
      <section className="panel">
        <Blank icon={SearchIcon} title="There is no such page">
          <Link to="/" className="button mt-3">
            To the live calls
          </Link>
        </Blank>
      </section>
    </Page>
  );
}
