/** Stacked bars by uPlot: answered calls below, those that were not above. */

import type { Bar } from '@/statistics/series';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Sizes in parts of the page's text, which is larger on a wall screen: of the labels, and of the least room for one. */
const FONT_SIZE = 0.75;
const LABEL_SPACE = 4.5;
/** Between the places and the plot: so much that the first one, which begins left of it, is clear of the scale's 0. */
const LABEL_GAP = 0.625;

export function draw(element: HTMLElement, bars: readonly Bar[]): uPlot {
  const paint = (color: string) => colorOf(element, color);
  const text = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${FONT_SIZE * text}px ${getComputedStyle(element).fontFamily}`;
  const axis: uPlot.Axis = { stroke: paint('--muted'), font, ticks: { show: false } };
  const bar = uPlot.paths.bars?.({ size: [0.7, 40], radius: 0.15 });
  const series = (label: string, color: string): uPlot.Series => ({
    label,
    fill: paint(color),
    width: 0,
    points: { show: false },
    ...(bar ? { paths: bar } : {}),
  });
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [12, 4, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => [-0.6, bars.length - 0.4] },
      y: { range: (_, __, max) => [0, Math.max(1, max)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        gap: LABEL_GAP * text,
        size: 2.125 * text,
        space: LABEL_SPACE * text,
        incrs: [1, 2, 3, 6, 12, 24],
        values: (_, splits) => splits.map((place) => bars[place]?.label ?? ''),
      },
      {
        ...axis,
        size: 2.75 * text,
        grid: { stroke: paint('--line'), width: 1 },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000],
      },
    ],
    // The taller bar is drawn first, and what remains in sight of it is the difference.
    series: [{}, series('All calls', '--chart-unanswered'), series('Answered', '--chart-answered')],
  };
  const data: uPlot.AlignedData = [
    bars.map((_, place) => place),
    bars.map(({ answered, unanswered }) => answered + unanswered),
    bars.map(({ answered }) => answered),
  ];
  return new uPlot(options, data, element);
}

/** The colour that a variable of the palette has here and now, as a canvas understands it. */
function colorOf(element: HTMLElement, variable: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${variable})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
