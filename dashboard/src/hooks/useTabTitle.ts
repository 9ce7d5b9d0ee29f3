import { useEffect, useRef } from 'react';

/** The browser redraws its tab for each new title: what changes with every call is told once in this time. */
const TITLE_MS = 500;

export function useTabTitle(title: string): void {
  const toldAt = useRef(-TITLE_MS);

  useEffect(() => {
    const tell = () => {
      toldAt.current = performance.now();
      document.title = title;
    };
    const timer = setTimeout(tell, Math.max(0, toldAt.current + TITLE_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [title]);
}
