/** Shapes of the HTTP API, as far as this page reads them. */

export interface User {
  id: string;
  organization_id: string;
  name: string;
  email: string;
  role: string;
  status: string;
}

export interface Organization {
  id: string;
  name: string;
  slug: string;
  timezone: string;
}

export interface LoginResponse {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  user: User;
}

export interface Profile extends User {
  organization: Organization;
}

export type ActiveStatus = 'initiated' | 'ringing' | 'answered';
export type Outcome = 'completed' | 'busy' | 'no_answer' | 'failed';
export type CallStatus = ActiveStatus | Outcome;

export interface CallRecord {
  id: string;
  call_id: string;
  status: ActiveStatus;
  direction: string | null;
  from_number: string | null;
  to_number: string | null;
  did_id: string | null;
  extension_id: string | null;
  /** Its number; known also where the extension is not one of the organization's. */
  extension: string | null;
  initiated_at: string | null;
  answered_at: string | null;
}

/** The calls in progress and the sequence of the last event that they contain. */
export interface ActiveCalls {
  data: CallRecord[];
  sequence: number;
  server_time: string;
}

/** Who is online, as the presence channel tells it. */
export interface Member {
  id: string;
  name: string;
  email: string;
  role: string;
}

export interface WebSocketConfigResponse {
  key: string;
  host: string;
  port: number;
  scheme: string;
}
