/** What the audit log tells, in words, and how its pages are narrowed down. */

import type { AuditEntry } from '@/api/types';
import { roleName } from '@/presence/member';

export type Action = AuditEntry['action'];

export const ACTIONS: Record<Action, string> = {
  login: 'Logged in',
  'login.failed': 'Failed to log in',
  logout: 'Logged out',
  'password.changed': 'Changed the password',
  'organization.suspended': 'Suspended the organization',
  'organization.activated': 'Activated the organization',
  'user.created': 'Made a user',
  'user.invited': 'Invited',
  'user.joined': 'Accepted the invitation',
  'user.changed': 'Changed the user',
  'user.deactivated': 'Deactivated',
  'user.activated': 'Activated',
  'token.created': 'Made the API token',
  'token.revoked': 'Revoked the token',
  'sender_key.created': 'Made the sender key',
  'sender_key.rotated': 'Replaced the sender key',
  'sender_key.revoked': 'Revoked the sender key',
  'number.created': 'Added the number',
  'number.deleted': 'Removed the number',
};

export const TOPICS = {
  logins: ['login', 'login.failed', 'logout'],
  people: [
    'user.created',
    'user.invited',
    'user.joined',
    'user.changed',
    'user.deactivated',
    'user.activated',
    'password.changed',
    'organization.suspended',
    'organization.activated',
  ],
  keys: ['token.created', 'token.revoked', 'sender_key.created', 'sender_key.rotated', 'sender_key.revoked'],
  numbers: ['number.created', 'number.deleted'],
} as const satisfies Record<string, readonly Action[]>;

export type Topic = keyof typeof TOPICS;

export const TOPIC_WORDS: Record<Topic, string> = {
  logins: 'Logins',
  people: 'People',
  keys: 'Tokens and keys',
  numbers: 'Numbers',
};

/** Who did it: nobody known at a failed login, and the operator, who has no account, otherwise. */
export function actorOf({ actor, action, subject }: AuditEntry): string {
  if (actor) return actor;
  return action === 'login.failed' ? (subject ?? 'Somebody unknown') : 'Operator';
}

/** To whom or what, where that is another than who did it. */
export function subjectOf(entry: AuditEntry): string | null {
  return entry.subject === actorOf(entry) ? null : entry.subject;
}

/** The rest in words: `role: User → Owner`. */
export function detailsOf({ details }: AuditEntry): string {
  return Object.entries(details)
    .filter(([name]) => name !== 'kind') // of a token: the action's words tell it
    .map(([name, value]) => {
      const words = isChange(value) ? [value.from, value.to] : [value];
      return `${name.replaceAll('_', ' ')}: ${words.map((word) => wordOf(name, word)).join(' → ')}`;
    })
    .join(', ');
}

function isChange(value: unknown): value is { from: unknown; to: unknown } {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value;
}

function wordOf(name: string, value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return name === 'role' ? roleName(value) : value;
}
