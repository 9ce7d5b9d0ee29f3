import { App } from '@/App';
import { session } from '@/auth/session';
import { reloadWhenOutdated } from '@/layout/outdated';
import '@/styles.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root element.');

reloadWhenOutdated(() => window.location.reload(), window.sessionStorage);
void session.restore();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
