/**
 * The live board as a pure function of a snapshot and the events after it.
 *
 * A snapshot is true at its sequence. Events at or below the board's sequence are dropped, the next one is
 * applied, and anything else is a gap, which only a new snapshot closes. While no trustworthy snapshot is at
 * hand, events are kept as well, because the snapshot on its way may be older than they are.
 */

import type { ActiveCalls, CallRecord, CallStatus } from '@/api/types';
import type { CallEvent, CallEventData } from '@/calls/events';

/** What a board shows of a call: of an event that came without its beginning, not all is known. */
export type Call = Pick<
  CallRecord,
  | 'call_id'
  | 'status'
  | 'direction'
  | 'from_number'
  | 'to_number'
  | 'did_id'
  | 'did'
  | 'extension_id'
  | 'extension'
  | 'answered_at'
> & { initiated_at: string | null };

/** How a call ended. */
export type Outcome = Exclude<CallStatus, 'initiated' | 'ringing' | 'answered'>;

export interface EndedCall extends Call {
  status: Outcome;
  ended_at: string | null;
  /** Talk time in seconds; 0 for a call never answered. */
  duration: number;
  /** When this page learned of the end, in milliseconds of its own clock. */
  seen_at: number;
}

/**
 * - wanted: a snapshot has to be fetched
 * - fetching: one is on its way
 * - outdated: one is on its way that may be from before the last (re)subscription, another must follow
 * - current: snapshot and events agree
 */
export type Sync = 'wanted' | 'fetching' | 'outdated' | 'current';

export interface Board {
  sync: Sync;
  /** Of the last event contained in `calls`; null before the first snapshot. */
  sequence: number | null;
  calls: ReadonlyMap<string, Call>;
  /** Calls that ended lately, oldest first: shown as they leave, and remembered so that none comes back. */
  ended: ReadonlyMap<string, EndedCall>;
  /** Events that the next snapshot may not contain, in order of arrival. */
  waiting: readonly CallEvent[];
}

export type BoardAction =
  | { type: 'event'; event: CallEvent; at: number }
  | { type: 'refetch' }
  | { type: 'fetch-started' }
  | { type: 'fetch-failed' }
  | { type: 'snapshot'; snapshot: Pick<ActiveCalls, 'data' | 'sequence'>; at: number };

const REMEMBERED_ENDS = 200;
/** When more arrive than this, the oldest is dropped; the gap that it leaves leads to one more snapshot. */
const MAX_WAITING = 2_000;

export const emptyBoard: Board = {
  sync: 'wanted',
  sequence: null,
  calls: new Map(),
  ended: new Map(),
  waiting: [],
};

export function boardReducer(board: Board, action: BoardAction): Board {
  switch (action.type) {
    case 'event':
      return receive(board, action.event, action.at);
    case 'refetch':
      if (board.sync === 'current') return { ...board, sync: 'wanted' };
      return board.sync === 'fetching' ? { ...board, sync: 'outdated' } : board;
    case 'fetch-started':
      return { ...board, sync: 'fetching' };
    case 'fetch-failed':
      return { ...board, sync: 'wanted' };
    case 'snapshot':
      return applySnapshot(board, action.snapshot, action.at);
  }
}

function receive(board: Board, event: CallEvent, at: number): Board {
  const { sequence } = event.data;
  if (board.sequence !== null && sequence <= board.sequence) return board;
  const isNext = board.sequence !== null && sequence === board.sequence + 1;
  const next = isNext ? applyEvent(board, event, at) : { ...board, sync: afterGap(board.sync) };
  if (next.sync === 'current') return next;
  return { ...next, waiting: [...next.waiting, event].slice(-MAX_WAITING) };
}

/** A snapshot on its way may close the gap by itself; that shows when it has come. */
function afterGap(sync: Sync): Sync {
  return sync === 'current' ? 'wanted' : sync;
}

function applySnapshot(board: Board, snapshot: Pick<ActiveCalls, 'data' | 'sequence'>, at: number): Board {
  const calls = new Map(snapshot.data.map((call): [string, Call] => [call.call_id, call]));
  const ended = new Map([...board.ended].filter(([id]) => !calls.has(id)));
  const sync: Sync = board.sync === 'outdated' ? 'wanted' : 'current';
  const start: Board = { sync, sequence: snapshot.sequence, calls, ended, waiting: [] };
  return board.waiting.reduce((state, event) => receive(state, event, at), start);
}

function applyEvent(board: Board, { name, data }: CallEvent, at: number): Board {
  const calls = new Map(board.calls);
  const known = calls.get(data.call_id);
  if (name === 'call.ended') {
    calls.delete(data.call_id);
    const ended = remember(board.ended, {
      ...merge(known, data),
      status: data.status as Outcome,
      ended_at: data.ended_at ?? null,
      duration: data.duration ?? 0,
      seen_at: at,
    });
    return { ...board, sequence: data.sequence, calls, ended };
  }
  // A beginning that arrives after its end is no call in progress.
  if (!board.ended.has(data.call_id)) calls.set(data.call_id, merge(known, data));
  return { ...board, sequence: data.sequence, calls };
}

function remember(ended: ReadonlyMap<string, EndedCall>, call: EndedCall): ReadonlyMap<string, EndedCall> {
  const entries = [...ended].filter(([id]) => id !== call.call_id);
  return new Map([...entries, [call.call_id, call] as const].slice(-REMEMBERED_ENDS));
}

/** What an event does not say stays as it was known. */
function merge(known: Call | undefined, data: CallEventData): Call {
  return {
    call_id: data.call_id,
    status: data.status,
    direction: data.direction ?? known?.direction ?? null,
    from_number: data.from_number ?? known?.from_number ?? null,
    to_number: data.to_number ?? known?.to_number ?? null,
    did_id: data.did_id ?? known?.did_id ?? null,
    did: data.did ?? known?.did ?? null,
    extension_id: data.extension_id ?? known?.extension_id ?? null,
    extension: data.extension ?? known?.extension ?? null,
    initiated_at: data.initiated_at ?? known?.initiated_at ?? null,
    answered_at: data.answered_at ?? known?.answered_at ?? null,
  };
}
