import type { Call } from '@/calls/board';
import { CallRow, type ShownCall } from '@/calls/CallRow';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';

/** Height of a row that has not been measured, in pixels: that of the last one that was. */
let expectedHeight = 56;
/** Rows that are drawn beyond the edges of the window, so that quick scrolling shows no gap. */
const OVERSCAN = 6;

const COLUMNS = ['State', 'Caller and callee', 'DID', 'Ext.', 'Direction', 'Started', 'Duration'];

/** However many calls there are, only those in sight are drawn. */
export function CallTable({ calls, ended }: { calls: readonly ShownCall[]; ended: ReadonlySet<Call['call_id']> }) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, []);

  const keyOf = (index: number) => calls[index]?.call_id ?? index;
  const virtualizer = useWindowVirtualizer({
    count: calls.length,
    estimateSize: () => expectedHeight,
    getItemKey: keyOf,
    // What observes the rows tells their heights before they are painted; to read one would be to lay out the page again.
    measureElement: (element, entry, { itemSizeCache, indexFromElement }) => {
      const measured = entry?.borderBoxSize[0];
      if (!measured) return itemSizeCache.get(keyOf(indexFromElement(element))) ?? expectedHeight;
      expectedHeight = Math.round(measured.blockSize);
      return expectedHeight;
    },
    overscan: OVERSCAN,
    scrollMargin: top,
  });

  return (
    <div role="table" aria-label="Live calls" aria-rowcount={calls.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="call-columns">
          {COLUMNS.map((column) => (
            <span key={column} role="columnheader">
              {column}
            </span>
          ))}
        </div>
      </div>
      <div ref={body} role="rowgroup" className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const call = calls[index];
          return (
            call && (
              <CallRow
                key={key}
                ref={virtualizer.measureElement}
                index={index}
                offset={start - top}
                call={call}
                ended={ended.has(call.call_id)}
              />
            )
          );
        })}
      </div>
    </div>
  );
}
