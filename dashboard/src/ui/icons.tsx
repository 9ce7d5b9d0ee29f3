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

export const LiveIcon = icon(<path d="M3 12h4l2.5-7 5 14 2.5-7h4" />);
export const HistoryIcon = icon(<path d="M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5M12 8v4.5l3 1.8" />);
export const ChartIcon = icon(<path d="M4 20h16M7 16v-4M12 16V5M17 16V9" />);
export const PeopleIcon = icon(
  <path d="M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8" />,
);
export const KeyIcon = icon(<path d="M8 20a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM11 13.2 20 4m-3.5 3.5L19 10m-5-.5 2 2" />);
export const SenderIcon = icon(<path d="M4 12h9m-3.5-4 4 4-4 4M13 4h5a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-5" />);
export const DeliveryIcon = icon(<path d="M4 7h10M4 12h7M4 17h10M17 8l3.5 4L17 16M20 12h-6" />);
export const AuditIcon = icon(<path d="M9 4H6.5A1.5 1.5 0 0 0 5 5.5v14A1.5 1.5 0 0 0 6.5 21h11a1.5 1.5 0 0 0 1.5-1.5v-14A1.5 1.5 0 0 0 17.5 4H15M9 3h6v3.5H9zM8.5 11h7M8.5 15h4.5" />);
export const SettingsIcon = icon(<path d="M4 7h9m4 0h3M4 17h3m4 0h9M15 4.8v4.4M9 14.8v4.4" />);
export const SearchIcon = icon(<path d="M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.3 15.3 20 20" />);
export const DownloadIcon = icon(<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14" />);
export const CopyIcon = icon(
  <path d="M9 9.5A1.5 1.5 0 0 1 10.5 8h8A1.5 1.5 0 0 1 20 9.5v9a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 9 18.5v-9ZM15 8V5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15H9" />,
);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const ChevronIcon = icon(<path d="m9 6 6 6-6 6" />);
export const ExternalIcon = icon(<path d="M14 4h6v6M20 4l-9 9M18 14v4.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 4 18.5v-11A1.5 1.5 0 0 1 5.5 6H10" />);
export const SunIcon = icon(
  <path d="M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4" />,
);
export const MoonIcon = icon(<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z" />);
export const ScreenIcon = icon(<path d="M3 5.5A1.5 1.5 0 0 1 4.5 4h15A1.5 1.5 0 0 1 21 5.5v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 14.5v-9ZM9 20h6M12 16v4" />);
export const MenuIcon = icon(<path d="M4 7h16M4 12h16M4 17h16" />);
