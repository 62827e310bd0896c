/**
 * Brings bus, model, renderer and terminal together.
 */
import type { Subscription } from '../../bus/subscription.ts';
import { onDiagnostics } from '../../diagnostics.ts';
import { onKey } from './keys.ts';
import type { Key } from './keys.ts';
import type { Glyphs } from './lines.ts';
import { START, nextTop } from './model.ts';
import type { TopInput, TopState } from './model.ts';
import { onScreen, renderTop } from './render.ts';
import type { Surface } from './render.ts';
import { ENTER_SCREEN, LEAVE_SCREEN, Screen } from './screen.ts';
import type { TerminalDevice } from './terminal-device.ts';

/** What the view is made of. */
export interface TopOptions {
  readonly device: TerminalDevice;
  /** Opens the subscription; called when the state of the connection is being watched. */
  readonly listen: () => Subscription;
  /** The name of the publish socket, as the diagnostics tell it. */
  readonly endpoint: string;
  readonly title: string;
  readonly isExcluded: (tag: string) => boolean;
  readonly color: boolean;
  readonly glyphs: Glyphs;
}

const FRAME_MS = 100;
const TICK_MS = 1000;
const TAKEN_WITHIN_MS = 300;

/** The running view. */
export class TopView {
  readonly #options: TopOptions;
  readonly #screen: Screen;
  #state: TopState = START;
  #subscription: Subscription | undefined;
  #active = false;
  #detachedSeq = 0;
  #frame: NodeJS.Timeout | undefined;
  #lastFrame = -Infinity;
  #writing = false;
  /** Called when the terminal has taken the frame. */
  #onTaken: (() => void) | undefined;
  #isHeld = false;
  #dirty = false;

  constructor(options: TopOptions) {
    this.#options = options;
    this.#screen = new Screen({ color: options.color });
  }

  /** Shows the bus until {@link stop}, a key that ends it, or the end of the subscription, whose error is thrown. The terminal is given back in each case. */
  async run(): Promise<void> {
    const { device, endpoint, isExcluded } = this.#options;
    const watches = [
      onDiagnostics('saltbus:link:open', (link) => {
        if (link.endpoint === endpoint) this.#step({ type: 'link', name: 'open', now: performance.now() });
      }),
      onDiagnostics('saltbus:link:retry', (link) => {
        if (link.endpoint === endpoint) this.#step({ type: 'link', name: 'lost', now: performance.now() });
      }),
    ];
    const tick = setInterval(() => {
      this.#step({ type: 'tick', now: performance.now() });
    }, TICK_MS);
    try {
      this.#subscription = this.#options.listen();
      device.onKey((key) => {
        this.#key(key);
      });
      device.onResize(() => {
        this.#screen.clear();
        this.#schedule();
      });
      device.onGone(() => {
        this.stop();
      });
      this.enter();
      for await (const items of this.#subscription.batches()) {
        const wanted = items.filter((item) => item.kind !== 'event' || !isExcluded(item.tag));
        if (wanted.length > 0) this.#step({ type: 'items', items: wanted, now: performance.now() });
      }
    } finally {
      clearInterval(tick);
      for (const unwatch of watches) unwatch();
      await this.hold();
      this.leave();
      device.close();
    }
  }

  /** Ends {@link run}. Idempotent. */
  stop(): void {
    this.#isHeld = true;
    this.#subscription?.end();
  }

  /** Draws no more, and waits until the terminal has taken the last frame, so that none comes after {@link leave}. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    if (!this.#writing) return;
    await new Promise<void>((resolve) => {
      // A terminal that takes nothing is not waited for.
      const given = setTimeout(resolve, TAKEN_WITHIN_MS);
      this.#onTaken = () => {
        clearTimeout(given);
        resolve();
      };
    });
  }

  /** Takes the terminal, and draws. Idempotent. */
  enter(): void {
    if (this.#active) return;
    this.#active = true;
    this.#isHeld = false;
    this.#options.device.setRaw(true);
    this.#options.device.writeNow(ENTER_SCREEN);
    this.#screen.clear();
    this.#schedule();
  }

  /** Gives the terminal back, before it returns. Idempotent. */
  leave(): void {
    if (!this.#active) return;
    this.#active = false;
    clearTimeout(this.#frame);
    this.#frame = undefined;
    this.#options.device.writeNow(LEAVE_SCREEN);
    this.#options.device.setRaw(false);
  }

  #surface(): Surface {
    const { device, glyphs, title } = this.#options;
    return { ...device.size(), glyphs, title, now: performance.now() };
  }

  #key(key: Key): void {
    if (!this.#active || this.#isHeld) return;
    this.#state = onKey(this.#state, key, onScreen(this.#state, this.#surface()));
    if (this.#state.quit) this.stop();
    else this.#schedule();
  }

  #step(input: TopInput): void {
    this.#state = nextTop(this.#state, input);
    this.#schedule();
  }

  // Ten frames a second at most, whatever comes; and none while the terminal has not taken the one before.
  #schedule(): void {
    this.#dirty = true;
    if (!this.#active || this.#isHeld || this.#frame !== undefined || this.#writing) return;
    const wait = Math.max(0, this.#lastFrame + FRAME_MS - performance.now());
    this.#frame = setTimeout(() => {
      this.#frame = undefined;
      this.#draw();
    }, wait);
  }

  #draw(): void {
    if (!this.#active || this.#isHeld || !this.#dirty) return;
    this.#dirty = false;
    this.#lastFrame = performance.now();
    const dropped = this.#subscription?.counters.dropped ?? 0;
    this.#state = nextTop(this.#state, { type: 'dropped', dropped, now: this.#lastFrame });
    this.#detachNew();
    // Before it is drawn, so that its own numbers count it.
    this.#state = nextTop(this.#state, { type: 'drawn' });
    const update = this.#screen.update(renderTop(this.#state, this.#surface()));
    if (update === '') return;
    this.#writing = true;
    this.#options.device.write(update, (ok) => {
      this.#writing = false;
      this.#onTaken?.();
      if (!ok) this.stop();
      else if (this.#dirty) this.#schedule();
    });
  }

  // An event is a view of the chunk in which it came: what stays in the list gets bytes of its own.
  #detachNew(): void {
    const { list, nextSeq } = this.#state;
    for (let at = list.length - 1; at >= 0; at -= 1) {
      const entry = list[at];
      if (entry === undefined || entry.seq <= this.#detachedSeq) break;
      if (entry.item?.kind === 'event') entry.item.detach();
    }
    this.#detachedSeq = nextSeq - 1;
  }
}
