/** Where one can go, and who may. */

import type { Role } from '@/api/types';
import {
  ChartIcon,
  DeliveryIcon,
  HistoryIcon,
  KeyIcon,
  LiveIcon,
  MenuIcon,
  PeopleIcon,
  SenderIcon,
  SettingsIcon,
  type Icon,
} from '@/ui/icons';

export interface Destination {
  to: string;
  label: string;
  icon: Icon;
}

export const CALLS: readonly Destination[] = [
  { to: '/', label: 'Live', icon: LiveIcon },
  { to: '/history', label: 'History', icon: HistoryIcon },
  { to: '/statistics', label: 'Statistics', icon: ChartIcon },
];

export const MANAGEMENT: readonly Destination[] = [
  { to: '/users', label: 'Users', icon: PeopleIcon },
  { to: '/tokens', label: 'API tokens', icon: KeyIcon },
  { to: '/senders', label: 'Senders', icon: SenderIcon },
  { to: '/delivery', label: 'Delivery', icon: DeliveryIcon },
];

export const SETTINGS: Destination = { to: '/settings', label: 'Settings', icon: SettingsIcon };

/** On a phone, where the pages of those who manage have no place in the bar, the settings lead to them. */
export const MORE: Destination = { ...SETTINGS, label: 'More', icon: MenuIcon };

/** Owners and administrators manage users and keys. */
export function mayManage(role: Role): boolean {
  return role === 'owner' || role === 'pbx_admin';
}
