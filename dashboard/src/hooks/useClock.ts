import { useEffect, useState } from 'react';

/** This page's time in milliseconds, renewed at each full second of a clock that is `offset` milliseconds ahead. */
export function useClock(offset: number): number {
  const [now, setNow] = useState(() => Date.now());

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const tick = () => {
      const current = Date.now();
      setNow(current);
      timer = setTimeout(tick, 1_000 - ((current + offset) % 1_000));
    };
    tick();
    return () => clearTimeout(timer);
  }, [offset]);

  return now;
}
