import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { flag, PROGRESS, REPORT_FORMAT } from '../options.js';
import { withWork } from '../work.js';

// No change as others are: those sweep the store before they begin, and this one looks at what there is to sweep.
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what is wrong with the store and this machine',
  description:
    'Read the whole store and say what is damaged, left over or open to others, and whether this ' +
    'machine can run instances. Nothing is changed, unless --fix is given. Exits with 2 when ' +
    'something should be put in order, and with 0 when there are only notes.',
  examples: [
    ['multipass doctor', 'Look, and change nothing'],
    ['multipass doctor --fix', 'Mend what needs no guess'],
  ],
  options: {
    fix: flag({
      flags: ['--fix'],
      description:
        'Mend what needs no guess, and move into lost+found/ of the store what is in the way; no ' +
        'data of an instance are deleted',
    }),
    online: flag({ flags: ['--online'], description: 'Ask the image server, too' }),
    format: REPORT_FORMAT,
    ...PROGRESS,
  },
  async run(invocation) {
    const { context, options } = invocation;
    const { store, stdout } = context;
    const { formatDoctor } = await import('../format/doctor.js');
    const { fix, online, format } = options;
    const report = await withWork(invocation, 'Examining the store', (work) =>
      store.doctor({ fix, online, work }),
    );
    stdout.write(formatDoctor(report, format));
    return report.healthy ? EXIT.ok : EXIT.failed;
  },
});
