import type { Bar } from '@/statistics/series';
import { draw } from '@/statistics/draw';
import { useEffect, useRef } from 'react';

/** A canvas shows nothing to screen readers, and exact figures to nobody: the table behind it does. */
export function CallChart({ bars }: { bars: readonly Bar[] }) {
  const place = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let chart = draw(element, bars);
    const again = () => {
      chart.destroy();
      chart = draw(element, bars);
    };
    // Colours are drawn, not styled, so that another theme means another drawing.
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', again);
    const themes = new MutationObserver(again);
    themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const sizes = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: element.clientHeight }));
    sizes.observe(element);
    return () => {
      scheme.removeEventListener('change', again);
      themes.disconnect();
      sizes.disconnect();
      chart.destroy();
    };
  }, [bars]);

  return <div ref={place} className="chart" aria-hidden="true" />;
}
