import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withWork, type Title, type Working } from '../../src/cli/work.js';
import type { CliContext, Output } from '../../src/cli/context.js';
import type { DisplayChoice } from '../../src/cli/display.js';
import { MultipassError } from '../../src/errors.js';
import type { Work } from '../../src/work.js';

const CLEAR_LINE = '\r\u001B[2K';
const ESC = '\u001B';

/** A stream that keeps what is written to it. */
class Recorder implements Output {
  text = '';
  readonly isTerminal: boolean;
  readonly columns: number;

  constructor(isTerminal: boolean, columns = 80) {
    this.isTerminal = isTerminal;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  steer(sequence: string): void {
    this.text += sequence;
  }

  /** What the line of the spinner last was. */
  get line(): string {
    return this.text.split(CLEAR_LINE).at(-1) ?? '';
  }
}

function workingOn(stderr: Output, choice: Partial<DisplayChoice> = {}): Working {
  const context = { stderr, signal: new AbortController().signal } as unknown as CliContext;
  return { context, options: { quiet: false, progress: undefined, ...choice } };
}

/** Work with a text for each phase: `starting of web`. */
const TITLE: Title = {
  first: 'Launching',
  of: ({ phase, instance }) => (instance === null ? phase : `${phase} of ${instance}`),
};

async function doing(working: Working, act: (work: Work) => Promise<void>): Promise<void> {
  await withWork(working, TITLE, act);
}

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('work on a terminal', () => {
  it('shows what is done, and leaves nothing behind', async () => {
    const stderr = new Recorder(true);
    const result = await withWork(workingOn(stderr), 'Cloning web', async () => {
      await pass(200);
      expect(stderr.line).toMatch(/^Cloning web {2}[-\\|/]$/);
      return 'done';
    });
    expect(result).toBe('done');
    expect(stderr.line).toBe('');
    const { text } = stderr;
    await pass(10_000);
    expect(stderr.text).toBe(text);
  });

  it('leaves nothing behind when it fails', async () => {
    const stderr = new Recorder(true);
    const failing = withWork(workingOn(stderr), 'Cloning web', () => {
      throw new MultipassError('ABORTED', 'interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(stderr.line).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('says how long it has been from the third second on, anew in each phase', async () => {
    const stderr = new Recorder(true);
    await doing(workingOn(stderr), async (work) => {
      work.begin('starting', 'web');
      await pass(2900);
      expect(stderr.line).toMatch(/^starting of web {2}.$/);
      await pass(300);
      expect(stderr.line).toMatch(/^starting of web \(3s\) {2}.$/);
      await pass(60_000);
      expect(stderr.line).toMatch(/^starting of web \(63s\) {2}.$/);
      work.begin('initializing');
      await pass(200);
      expect(stderr.line).toMatch(/^initializing of web {2}.$/);
    });
  });

  it('says how much is done once it takes long, and forgets it with the phase', async () => {
    const stderr = new Recorder(true);
    await doing(workingOn(stderr), async (work) => {
      work.begin('retrieving', null);
      work.advance(0.429);
      await pass(400);
      expect(stderr.line).toMatch(/^retrieving {2}.$/);
      await pass(200);
      expect(stderr.line).toMatch(/^retrieving: 42% {2}.$/);
      await pass(3000);
      expect(stderr.line).toMatch(/^retrieving: 42% \(3s\) {2}.$/);
      work.begin('verifying', null);
      await pass(1000);
      expect(stderr.line).toMatch(/^verifying {2}.$/);
    });
  });

  it('keeps its own words for a phase that has none, and what was done so far', async () => {
    const stderr = new Recorder(true);
    await withWork(workingOn(stderr), 'Cloning web', async (work) => {
      work.begin('copying', 'web-clone1');
      work.advance(1);
      work.begin('publishing');
      await pass(1000);
      expect(stderr.line).toMatch(/^Cloning web: 100% {2}.$/);
    });
  });

  it('shows the last line of the guest, as much of it as fits', async () => {
    const stderr = new Recorder(true, 40);
    await doing(workingOn(stderr), async (work) => {
      work.begin('starting', 'web');
      work.note('[    1.25] Linux');
      await pass(200);
      expect(stderr.line).toMatch(/^starting of web {2}. {2}\[ {4}1\.25\] Linux$/);
      work.note('x'.repeat(100));
      await pass(200);
      expect(stderr.line).toMatch(/^starting of web {2}. {2}x+$/);
      expect(stderr.line).toHaveLength(39);
      work.note('\u{5B57}'.repeat(100));
      await pass(200);
      const [ascii = '', wide = ''] = stderr.line.split(/(\u{5B57}+)/u);
      expect(ascii.length + 2 * wide.length).toBeLessThanOrEqual(39);
      work.note('\u{1F600}'.repeat(100));
      await pass(200);
      expect(stderr.line).not.toMatch(/\p{Cs}/u);
      work.begin('initializing');
      await pass(200);
      expect(stderr.line).toMatch(/^initializing of web {2}.$/);
    });
  });

  it('lets no line of a guest steer the terminal', async () => {
    const stderr = new Recorder(true);
    await doing(workingOn(stderr), async (work) => {
      work.begin('starting', 'web');
      const before = stderr.text;
      work.note(`${ESC}[0;32m  OK  ${ESC}[0m Started${ESC}]0;title\u0007${ESC}[2J\r\n\u009B1mx`);
      await pass(200);
      expect(stderr.line).toContain('OK   Started');
      const written = stderr.text.slice(before.length).replaceAll(CLEAR_LINE, '');
      expect(written).not.toMatch(/\p{Cc}/u);
    });
  });

  it('makes room for warnings and for who is waited for', async () => {
    const stderr = new Recorder(true);
    await doing(workingOn(stderr), async (work) => {
      await pass(100);
      work.warn(`no ${ESC}[31mnetwork`);
      expect(stderr.line).toBe('warning: no \u{FFFD}[31mnetwork\n');
      work.waitFor('web', 'clone (pid 7)');
      expect(stderr.line).toBe('Waiting for "web", which is in use by clone (pid 7)\n');
      await pass(200);
      expect(stderr.line).toMatch(/^Launching {2}.$/);
    });
  });

  it('stands still for a question, which does not count', async () => {
    const stderr = new Recorder(true);
    await withWork(workingOn(stderr), 'Restoring web', async (_, aside) => {
      await pass(2000);
      const answer = await aside(async () => {
        expect(stderr.line).toBe('');
        const { text } = stderr;
        await pass(60_000);
        expect(stderr.text).toBe(text);
        return 'yes';
      });
      expect(answer).toBe('yes');
      await pass(2000);
      expect(stderr.line).toMatch(/^Restoring web {2}.$/);
    });
    expect(stderr.line).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('work without a terminal', () => {
  it('is silent while it is quick', async () => {
    const stderr = new Recorder(false);
    await doing(workingOn(stderr), async (work) => {
      work.begin('starting', 'web');
      await pass(2900);
      work.begin('initializing');
      work.advance(0.5);
      work.note('a line');
      await pass(2900);
    });
    await pass(10_000);
    expect(stderr.text).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('names each phase that takes 3 seconds, once', async () => {
    const stderr = new Recorder(false);
    await doing(workingOn(stderr), async (work) => {
      await pass(2000);
      work.begin('starting', 'web');
      await pass(2900);
      expect(stderr.text).toBe('');
      await pass(200);
      expect(stderr.text).toBe('starting of web\n');
      await pass(30_000);
      work.begin('initializing');
      work.note('a line');
      await pass(3001);
    });
    expect(stderr.text).toBe('starting of web\ninitializing of web\n');
  });

  it('does not count a question', async () => {
    const stderr = new Recorder(false);
    await withWork(workingOn(stderr), 'Restoring web', async (_, aside) => {
      await aside(() => pass(60_000));
      await pass(2900);
      expect(stderr.text).toBe('');
      await pass(200);
      expect(stderr.text).toBe('Restoring web\n');
    });
  });

  it('still says warnings, and who is waited for', async () => {
    const stderr = new Recorder(false);
    await withWork(workingOn(stderr), 'Starting web', (work) => {
      work.warn('no network');
      work.waitFor('web', 'clone (pid 7)');
    });
    expect(stderr.text).toBe(
      'warning: no network\nWaiting for "web", which is in use by clone (pid 7)\n',
    );
  });
});

describe.for([true, false])('--quiet (on a terminal: %s)', (isTerminal) => {
  it('leaves warnings alone', async () => {
    const stderr = new Recorder(isTerminal);
    await doing(workingOn(stderr, { quiet: true }), async (work) => {
      work.begin('starting', 'web');
      work.advance(0.5);
      work.note('a line');
      work.waitFor('web', 'clone (pid 7)');
      await pass(10_000);
      work.warn('no network');
    });
    expect(stderr.text).toBe('warning: no network\n');
  });
});

describe.for([true, false])('--progress json (on a terminal: %s)', (isTerminal) => {
  const events = (stderr: Recorder): unknown[] =>
    stderr.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  it('writes one object a line', async () => {
    const stderr = new Recorder(isTerminal);
    await doing(workingOn(stderr, { progress: 'json' }), async (work) => {
      work.begin('copying', 'web');
      await pass(250);
      work.advance(0.25);
      work.note(`${ESC}[1mline`);
      work.warn('no "network"');
      work.waitFor('web', 'clone (pid 7)');
    });
    const progress = { event: 'progress', phase: 'copying', instance: 'web' };
    expect(events(stderr)).toEqual([
      { ...progress, fraction: null, elapsed_ms: 0, message: null },
      { ...progress, fraction: 0.25, elapsed_ms: 250, message: null },
      { ...progress, fraction: null, elapsed_ms: 250, message: 'line' },
      { event: 'warning', message: 'no "network"' },
      { event: 'waiting', instance: 'web', holders: 'clone (pid 7)' },
    ]);
  });

  it('is not flooded by small steps, and misses neither a phase nor its end', async () => {
    const stderr = new Recorder(isTerminal);
    await doing(workingOn(stderr, { progress: 'json' }), async (work) => {
      work.begin('copying', 'web');
      for (let step = 1; step < 1000; step++) {
        work.advance(step / 1000);
        await pass(1);
      }
      work.advance(1);
      work.begin('publishing');
    });
    const told = events(stderr) as { phase: string; fraction: number | null }[];
    expect(told.length).toBeGreaterThan(5);
    expect(told.length).toBeLessThan(15);
    expect(told.slice(-2)).toMatchObject([
      { phase: 'copying', fraction: 1 },
      { phase: 'publishing', fraction: null },
    ]);
  });

  it('holds nothing that steers a terminal', async () => {
    const stderr = new Recorder(isTerminal);
    const text = `a\u009B2J\u007F${ESC}[2Jb`;
    await withWork(workingOn(stderr, { progress: 'json' }), 'Starting web', (work) => {
      work.warn(text);
    });
    expect(stderr.text.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(events(stderr)).toEqual([{ event: 'warning', message: text }]);
  });

  it('with --quiet writes warnings alone', async () => {
    const stderr = new Recorder(isTerminal);
    await withWork(workingOn(stderr, { progress: 'json', quiet: true }), 'x', (work) => {
      work.begin('copying', 'web');
      work.waitFor('web', 'clone (pid 7)');
      work.warn('no network');
    });
    expect(events(stderr)).toEqual([{ event: 'warning', message: 'no network' }]);
  });
});
