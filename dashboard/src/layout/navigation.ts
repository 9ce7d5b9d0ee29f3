/** Where one can go, and who may. */

import type { Role } from '@/api/types';
import {
  AuditIcon,
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

const MANAGEMENT: readonly Destination[] = [
  { to: '/users', label: 'Users', icon: PeopleIcon },
  { to: '/tokens', label: 'API tokens', icon: KeyIcon },
  { to: '/senders', label: 'Senders', icon: SenderIcon },
  { to: '/delivery', label: 'Delivery', icon: DeliveryIcon },
];

/** Of everybody's logins and changes: for owners alone. */
const AUDIT: Destination = { to: '/audit', label: 'Audit log', icon: AuditIcon };

export const SETTINGS: Destination = { to: '/settings', label: 'Settings', icon: SettingsIcon };

/** On a phone, where the pages of those who manage have no place in the bar, the settings lead to them. */
export const MORE: Destination = { ...SETTINGS, label: 'More', icon: MenuIcon };

/** Owners and administrators manage users and keys. */
const MANAGED_BY: Partial<Record<Role, readonly Destination[]>> = {
  owner: [...MANAGEMENT, AUDIT],
  pbx_admin: MANAGEMENT,
};

/** What somebody of that role manages: to others these pages do not exist. */
export function managementFor(role: Role): readonly Destination[] {
  return MANAGED_BY[role] ?? [];
}
