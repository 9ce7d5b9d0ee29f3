// Before the first paint, so that no page flashes in the other theme. The choice is made in `src/settings/theme.ts`.
try {
  const theme = localStorage.getItem('opbx.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme stays.
}
