/** Line icons, 24 × 24, drawn in the colour of the text beside them. They say nothing by themselves: always with a word. */

import type { ReactElement, ReactNode } from 'react';

export type Icon = (props: { className?: string }) => ReactElement;

function icon(paths: ReactNode): Icon {
  return function LineIcon({ className = 'size-4' }) {
    return (
      <svg
        className={`shrink-0 ${className}`}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {paths}
      </svg>
    );
  };
}

const HANDSET =
  'M21 16.5v2.6a1.9 1.9 0 0 1-2.1 1.9A16.9 16.9 0 0 1 3 5.1 1.9 1.9 0 0 1 4.9 3h2.6c.9 0 1.6.6 1.8 1.5l.6 2.6c.1.6 0 1.2-.5 1.6L8 10a13 13 0 0 0 6 6l1.3-1.4c.4-.5 1-.6 1.6-.5l2.6.6c.9.2 1.5.9 1.5 1.8Z';

export const BellIcon = icon(
  <path d="M6 9a6 6 0 1 1 12 0c0 6 2.5 7.5 2.5 7.5h-17S6 15 6 9M10 20.5a2.3 2.3 0 0 0 4 0" />,
);
export const PhoneIcon = icon(<path d={HANDSET} />);
export const CheckIcon = icon(<path d="m4.5 12.5 5 5 10-11" />);
export const CrossIcon = icon(<path d="m6 6 12 12M18 6 6 18" />);
export const BusyIcon = icon(<path d="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M7.5 12h9" />);
export const MissedIcon = icon(<path d="m3 7 8.5 8.5L21 6M15 6h6v6" />);
export const InboundIcon = icon(<path d="M18 6 6 18M6 9v9h9" />);
export const OutboundIcon = icon(<path d="M6 18 18 6M9 6h9v9" />);
export const InternalIcon = icon(<path d="M7 7h13l-4-4M17 17H4l4 4" />);
export const ArrowIcon = icon(<path d="M4 12h16m-6-6 6 6-6 6" />);
export const LinkedIcon = icon(
  <path d="M5 12.5a10 10 0 0 1 14 0M2 9a14.5 14.5 0 0 1 20 0M8.5 16a5 5 0 0 1 7 0M12 20h.01" />,
);
export const UnlinkedIcon = icon(
  <path d="M3 3l18 18M8.5 16a5 5 0 0 1 7 0M5 12.5a10 10 0 0 1 4.5-2.6M2 9a14.6 14.6 0 0 1 4.3-2.8M10.6 5A14.5 14.5 0 0 1 22 9M15.5 10.3A10 10 0 0 1 19 12.5M12 20h.01" />,
);
export const RetryIcon = icon(<path d="M20 11a8 8 0 0 0-14.5-3.6L3.5 10M3.5 4.5V10H9M4 13a8 8 0 0 0 14.5 3.6l2-2.6M20.5 19.5V14H15" />);
export const HourglassIcon = icon(<path d="M12 3a9 9 0 1 0 9 9M12 7.5V12l3 2" />);
export const SignOutIcon = icon(
  <path d="M14 4H6a1.5 1.5 0 0 0-1.5 1.5v13A1.5 1.5 0 0 0 6 20h8M10 12h11m-4-4 4 4-4 4" />,
);
export const WarningIcon = icon(<path d="M12 3.5 2.5 20h19L12 3.5ZM12 10v4.5M12 17.5h.01" />);
