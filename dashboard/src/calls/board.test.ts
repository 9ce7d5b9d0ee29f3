import { boardReducer, emptyBoard, type Board, type BoardAction } from '@/calls/board';
import type { CallEvent, CallEventName } from '@/calls/events';
import { callRecord } from '@/testing/calls';
import { describe, expect, it } from 'vitest';

const STATUS = { 'call.initiated': 'initiated', 'call.answered': 'answered', 'call.ended': 'completed' } as const;

function event(sequence: number, name: CallEventName, call_id = 'a', more: object = {}): BoardAction {
  const data: CallEvent['data'] = { call_id, sequence, status: STATUS[name], ...more };
  return { type: 'event', event: { name, data }, at: 1_000 };
}

const snapshot = (sequence: number, ...ids: string[]): BoardAction => ({
  type: 'snapshot',
  snapshot: { sequence, data: ids.map((id) => callRecord(id)) },
  at: 1_000,
});
const started: BoardAction = { type: 'fetch-started' };
const refetch: BoardAction = { type: 'refetch' };

const play = (board: Board, ...actions: BoardAction[]) => actions.reduce(boardReducer, board);
const current = play(emptyBoard, started, snapshot(5, 'a'));
const ids = (board: Board) => [...board.calls.keys()];

describe('snapshot', () => {
  it('is wanted first, and makes the board current', () => {
    expect(emptyBoard.sync).toBe('wanted');
    expect(current).toMatchObject({ sync: 'current', sequence: 5, waiting: [] });
    expect(current.calls.get('a')).toMatchObject({ status: 'ringing', from_number: '+12127773456' });
  });

  it('replaces what was there', () => {
    expect(ids(play(current, refetch, started, snapshot(9, 'b')))).toEqual(['b']);
  });

  it('brings back a call that it knows to be in progress', () => {
    const ended = play(current, event(6, 'call.ended'));
    expect(play(ended, refetch, started, snapshot(7, 'a')).ended.size).toBe(0);
  });
});

describe('events', () => {
  it('at or below the sequence are dropped', () => {
    expect(play(current, event(5, 'call.ended'), event(3, 'call.ended'))).toBe(current);
  });

  it('next in sequence are applied, keeping what they do not say', () => {
    const board = play(current, event(6, 'call.answered', 'a', { answered_at: '2026-01-01T12:00:05Z' }));
    expect(board).toMatchObject({ sequence: 6, sync: 'current' });
    expect(board.calls.get('a')).toMatchObject({
      status: 'answered',
      from_number: '+12127773456',
      initiated_at: '2026-01-01T12:00:00Z',
      answered_at: '2026-01-01T12:00:05Z',
    });
  });

  it('of an end move the call to those that ended, with outcome and duration', () => {
    const board = play(current, event(6, 'call.ended', 'a', { duration: 130 }));
    expect(ids(board)).toEqual([]);
    expect(board.ended.get('a')).toMatchObject({
      status: 'completed',
      duration: 130,
      from_number: '+12127773456',
      seen_at: 1_000,
    });
  });

  it('show a call whose beginning was missed', () => {
    const board = play(current, event(6, 'call.answered', 'x', { from_number: '101', to_number: '102' }));
    expect(board.calls.get('x')).toMatchObject({ status: 'answered', from_number: '101', initiated_at: null });
  });

  it('of an end before its beginning leave no ghost', () => {
    const board = play(current, event(6, 'call.ended', 'x'), event(7, 'call.initiated', 'x'));
    expect(ids(board)).toEqual(['a']);
    expect(board).toMatchObject({ sequence: 7, sync: 'current' });
  });

  it('remember a bounded number of ends', () => {
    const ends = Array.from({ length: 300 }, (_, n) => event(6 + n, 'call.ended', `call-${n}`));
    const board = play(current, ...ends);
    expect(board.ended.size).toBe(200);
    expect([...board.ended.keys()].at(-1)).toBe('call-299');
  });
});

describe('gaps', () => {
  it('ask for a snapshot and leave the board as it was', () => {
    const board = play(current, event(8, 'call.ended'));
    expect(board).toMatchObject({ sync: 'wanted', sequence: 5 });
    expect(ids(board)).toEqual(['a']);
  });

  it('are closed by the snapshot, with the events that came meanwhile on top', () => {
    const board = play(
      current,
      event(8, 'call.initiated', 'b'),
      started,
      event(9, 'call.initiated', 'c'),
      snapshot(8, 'a', 'b'),
    );
    expect(ids(board)).toEqual(['a', 'b', 'c']);
    expect(board).toMatchObject({ sync: 'current', sequence: 9, waiting: [] });
  });

  it('that a snapshot does not close ask for another', () => {
    const board = play(current, event(9, 'call.initiated', 'c'), started, snapshot(7, 'a'));
    expect(board).toMatchObject({ sync: 'wanted', sequence: 7 });
    expect(ids(play(board, started, snapshot(8, 'a', 'b')))).toEqual(['a', 'b', 'c']);
  });
});

describe('while a snapshot is on its way', () => {
  it('the first events wait for it', () => {
    const waiting = play(emptyBoard, started, event(6, 'call.ended', 'a'), event(4, 'call.initiated', 'a'));
    expect(waiting.sequence).toBeNull();
    expect(ids(play(waiting, snapshot(5, 'a')))).toEqual([]);
  });

  it('a board that has no gap goes on, and an older snapshot takes nothing back', () => {
    const board = play(current, refetch, started, event(6, 'call.initiated', 'b'));
    expect(ids(board)).toEqual(['a', 'b']);
    expect(ids(play(board, snapshot(5, 'a')))).toEqual(['a', 'b']);
  });

  it('a resubscription asks for one more', () => {
    const board = play(current, refetch, started, refetch, event(6, 'call.initiated', 'b'), snapshot(5, 'a'));
    expect(board).toMatchObject({ sync: 'wanted', sequence: 6 });
    expect(play(board, started, snapshot(6, 'a', 'b'))).toMatchObject({ sync: 'current', sequence: 6 });
  });

  it('its failure loses no event', () => {
    const board = play(current, event(8, 'call.initiated', 'c'), started, { type: 'fetch-failed' });
    expect(board.sync).toBe('wanted');
    expect(ids(play(board, started, snapshot(7, 'a')))).toEqual(['a', 'c']);
  });

  it('what waits is bounded, and a loss there is seen as a gap', () => {
    const flood = Array.from({ length: 2_001 }, (_, n) => event(7 + n, 'call.initiated', `call-${n}`));
    const board = play(current, ...flood);
    expect(board.waiting).toHaveLength(2_000);
    expect(play(board, started, snapshot(6, 'a')).sync).toBe('wanted');
  });
});

