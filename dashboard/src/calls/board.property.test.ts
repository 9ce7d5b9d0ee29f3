/** Whatever is lost, late, repeated or fetched in between: once a snapshot is no longer wanted, the board is the truth. */

import { boardReducer, emptyBoard, type Board, type BoardAction } from '@/calls/board';
import type { CallEvent, CallEventName } from '@/calls/events';
import { callRecord } from '@/testing/calls';
import fc from 'fast-check';
import { expect, it } from 'vitest';

type Story = readonly CallEvent[];

const STEPS = [
  ['call.initiated', 'initiated'],
  ['call.answered', 'answered'],
  ['call.ended', 'completed'],
] as const satisfies readonly (readonly [CallEventName, string])[];

/** Calls that move on in any interleaving, as one gapless sequence of events. */
const stories: fc.Arbitrary<Story> = fc
  .array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 40 })
  .map((turns) => {
    const moved = new Map<number, number>();
    const events: CallEvent[] = [];
    for (const turn of turns) {
      const step = moved.get(turn) ?? 0;
      const next = STEPS[step];
      if (!next) continue;
      moved.set(turn, step + 1);
      const [name, status] = next;
      events.push({ name, data: { call_id: `call-${turn}`, sequence: events.length + 1, status } });
    }
    return events;
  });

/** What the server answers after the first `at` events. */
function snapshotAt(story: Story, at: number): { data: ReturnType<typeof callRecord>[]; sequence: number } {
  const calls = new Map<string, ReturnType<typeof callRecord>>();
  for (const { data, name } of story.slice(0, at)) {
    if (name === 'call.ended') calls.delete(data.call_id);
    else calls.set(data.call_id, callRecord(data.call_id, { status: data.status }));
  }
  return { data: [...calls.values()], sequence: at };
}

/** What happens to a page: time passes on the server, an event comes or is lost, comes late or twice, a fetch. */
type Incident =
  | { kind: 'event'; offset: number }
  | { kind: 'resync' }
  | { kind: 'ask' }
  | { kind: 'answer' }
  | { kind: 'failure' };

const incidents = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('event' as const), offset: fc.integer({ min: -3, max: 3 }) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'resync' as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'ask' as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'answer' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'failure' as const }) },
  ),
  { maxLength: 80 },
);

const seenBy = (board: Board) => [...board.calls.values()].map(({ call_id, status }) => [call_id, status]).sort();
const truth = (story: Story, at: number) =>
  snapshotAt(story, at)
    .data.map(({ call_id, status }) => [call_id, status])
    .sort();

class Page {
  board = emptyBoard;
  /** True at this sequence; null where no fetch is under way. */
  #asked: number | null = null;
  #now = 0;

  constructor(readonly story: Story) {}

  live(incident: Incident): void {
    switch (incident.kind) {
      case 'event': {
        this.#now = Math.min(this.story.length, this.#now + 1);
        const event = this.story[this.#now - 1 + incident.offset];
        if (event) {
          this.#now = Math.max(this.#now, event.data.sequence);
          this.do({ type: 'event', event, at: 0 });
        }
        return;
      }
      case 'resync':
        return this.do({ type: 'refetch' });
      case 'ask':
        if (this.#asked !== null || this.board.sync !== 'wanted') return;
        this.#asked = this.#now;
        return this.do({ type: 'fetch-started' });
      case 'answer':
        if (this.#asked === null) return;
        this.do({ type: 'snapshot', snapshot: snapshotAt(this.story, this.#asked), at: 0 });
        this.#asked = null;
        return;
      case 'failure':
        if (this.#asked === null) return;
        this.#asked = null;
        return this.do({ type: 'fetch-failed' });
    }
  }

  /** The rest of the story comes, and fetches are made as long as one is wanted. */
  settle(): void {
    if (this.#asked !== null) this.live({ kind: 'answer' });
    for (const event of this.story) this.do({ type: 'event', event, at: 0 });
    this.#now = this.story.length;
    for (let round = 0; round < 3 && this.board.sync === 'wanted'; round += 1) {
      this.live({ kind: 'ask' });
      this.live({ kind: 'answer' });
    }
  }

  private do(action: BoardAction): void {
    this.board = boardReducer(this.board, action);
  }
}

it('is true at its sequence whenever it says that it is current', () => {
  fc.assert(
    fc.property(stories, incidents, (story, events) => {
      const page = new Page(story);
      for (const incident of events) {
        page.live(incident);
        const { sync, sequence } = page.board;
        if (sync === 'current' && sequence !== null) expect(seenBy(page.board)).toEqual(truth(story, sequence));
      }
    }),
    { numRuns: 500 },
  );
});

it('ends at the truth, and leaves no ghost', () => {
  fc.assert(
    fc.property(stories, incidents, (story, events) => {
      const page = new Page(story);
      for (const incident of events) page.live(incident);
      page.settle();
      expect(page.board).toMatchObject({ sync: 'current', sequence: story.length, waiting: [] });
      expect(seenBy(page.board)).toEqual(truth(story, story.length));
    }),
    { numRuns: 500 },
  );
});

it('never goes back', () => {
  fc.assert(
    fc.property(stories, incidents, (story, events) => {
      const page = new Page(story);
      let reached = 0;
      for (const incident of events) {
        page.live(incident);
        expect(page.board.sequence ?? 0).toBeGreaterThanOrEqual(reached);
        reached = page.board.sequence ?? 0;
      }
    }),
    { numRuns: 300 },
  );
});
