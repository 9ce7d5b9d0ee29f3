/** Who is online, as the presence channel tells it. */

import type { Role, User } from '@/api/types';

export type Member = Pick<User, 'id' | 'name' | 'email'> & { role: string };

export const ROLES: Record<Role, string> = {
  owner: 'Owner',
  pbx_admin: 'Administrator',
  pbx_user: 'User',
  reporter: 'Reporter',
};

/** The role in words; one that this page does not know as it is called. */
export function roleName(role: string): string {
  return (ROLES as Record<string, string>)[role] ?? role;
}

/** Up to two letters for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return [words.at(0), words.length > 1 ? words.at(-1) : undefined]
    .map((word) => word?.charAt(0).toUpperCase() ?? '')
    .join('');
}
