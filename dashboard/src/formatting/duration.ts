/** How long something takes, written for people and for programs. */

/** `0:07`, `12:40`, `1:02:09`. */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = String(Math.floor(seconds % 60)).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** The same as an ISO 8601 duration, for `<time datetime>`. */
export function isoDuration(seconds: number): string {
  return `PT${seconds}S`;
}
