/** A page that is open all day asks for scripts that a deployment has taken away since: it is loaded anew then. */

const STORAGE_KEY = 'opbx.reloaded-at';

/** What is missing again so soon after a reload is not missing because the page is old. */
const SOON_MS = 60_000;

export function reloadWhenOutdated(reload: () => void, storage: Storage): void {
  window.addEventListener('vite:preloadError', () => {
    const reloadedAt = Number(storage.getItem(STORAGE_KEY));
    if (Date.now() - reloadedAt < SOON_MS) return;
    void isServed().then((served) => {
      if (!served) return;
      storage.setItem(STORAGE_KEY, String(Date.now()));
      reload();
    });
  });
}

/** A reload while the server is away would leave nothing on the screen. */
async function isServed(): Promise<boolean> {
  try {
    return (await fetch('/', { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}
