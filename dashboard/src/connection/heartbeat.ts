/**
 * Notices a connection that looks well and brings nothing.
 *
 * A relay that was cut off from what it relays still answers pings. So whoever has heard no event for a while asks
 * the server how far the events are: being behind for longer than an event takes means that they do not come through.
 */

/** Silence after which the server is asked; and how long an event that it knows of may still be under way. */
export const QUIET_MS = 15_000;
export const UNDER_WAY_MS = 3_000;

export interface Listener {
  /** The last event known here; null before the first snapshot. */
  position: () => number | null;
  /** Of the last event that the server knows of. Throws where it cannot say. */
  ask: () => Promise<number>;
  onMissing: () => void;
  onUnanswered: () => void;
}

export class Heartbeat {
  readonly #listener: Listener;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts signs of life, so that an answer from before one decides nothing. */
  #beats = 0;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Something was heard: silence begins anew. */
  beat = (): void => {
    this.#beats += 1;
    clearTimeout(this.#timer);
    // Spread, so that the pages of a quiet organization do not ask as one.
    this.#timer = setTimeout(this.check, QUIET_MS * (1 + Math.random() / 5));
  };

  stop(): void {
    this.#beats += 1;
    clearTimeout(this.#timer);
  }

  /** Asks now. */
  check = (): void => {
    clearTimeout(this.#timer);
    void this.#check(this.#beats);
  };

  async #check(beats: number): Promise<void> {
    let reached: number;
    try {
      reached = await this.#listener.ask();
    } catch {
      if (beats === this.#beats) {
        this.#listener.onUnanswered();
        this.beat();
      }
      return;
    }
    if (beats !== this.#beats) return;
    if (this.#isBehind(reached)) {
      this.#timer = setTimeout(() => {
        if (this.#isBehind(reached)) this.#listener.onMissing();
        this.beat();
      }, UNDER_WAY_MS);
    } else {
      this.beat();
    }
  }

  #isBehind(reached: number): boolean {
    const position = this.#listener.position();
    return position !== null && position < reached;
  }
}
