/** Short names for the shapes of the HTTP API, which `schema.d.ts` takes from its OpenAPI document. */

import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Organization = Schemas['Organization'];
export type Role = User['role'];
export type CallRecord = Schemas['Call'];
export type CallStatus = CallRecord['status'];
export type CallDirection = NonNullable<CallRecord['direction']>;
export type CallDetail = Schemas['CallDetail'];
export type ActiveCalls = Schemas['ActiveCalls'];
export type Statistics = Schemas['Statistics'];
export type ManagedUser = Schemas['ManagedUser'];
export type InvitedUser = Schemas['InvitedUser'];
export type UserChange = Schemas['UserChange'];
export type Token = Schemas['Token'];
export type SenderKeys = Schemas['SenderKeys'];
export type SenderKey = Schemas['SenderKey'];
export type AuditEntry = Schemas['AuditEntry'];
export type DeadLetter = Schemas['Letter'];
export type Delivery = Schemas['Delivery'];
export type WebSocketConfigAnswer = Schemas['WebSocketConfig'];
export type SubscriptionRequest = Schemas['Subscription'];
export type SignedSubscription = Schemas['Authorization'];
