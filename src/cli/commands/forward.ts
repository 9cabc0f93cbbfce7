import { formatForward } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import { CHANGE, flag, repeatedOption } from '../options.js';
import { parseForward, parseForwardedPort } from '../parse-forward.js';
import { withWork } from '../work.js';

export const forward = defineChange({
  name: 'forward',
  summary: 'Let ports of this host lead into an instance',
  description:
    'Let ports of this host lead into an instance, now if it runs and at each start to come; or list those that do. ' +
    'Without an address of this host, programs on this host alone can use them.',
  usage: '<name> [<forward> ...]',
  parameters: [
    ['name', 'The instance'],
    [
      'forward',
      '[<address>:]<host-port>:<port>[/udp]: an IPv4 address of this host (0.0.0.0 for all, 127.0.0.1 by default), a ' +
        'port of it, and one of the instance',
    ],
  ],
  examples: [
    ['multipass forward web 8080:80', 'http://127.0.0.1:8080 is the web server in web'],
    ['multipass forward web --remove 8080', 'that no more'],
  ],
  argument: ['instance'],
  options: {
    list: flag({ flags: ['--list'], description: 'List the forwards of the instance' }),
    remove: repeatedOption({
      flags: ['--remove'],
      value: 'forward',
      completes: 'forward',
      description:
        'End a forward: [<address>:]<host-port>[:<port>][/udp]; can be used multiple times',
      parse: parseForwardedPort,
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { args, options, context } = invocation;
    const [name, ...texts] = args;
    if (name === undefined) throw usageError('Please provide the name of one instance.');
    const wanted = texts.map(parseForward);
    const { forwardJson, formatForwards, viewJson } = await import('../format/forwards.js');
    const isChange = wanted.length > 0 || options.remove.length > 0;
    const vm = await context.store.instance(name);
    outcome.set({ instance: name });
    if (isChange) {
      const [forwarded, removed] = [outcome.list('forwarded'), outcome.list('removed')];
      await withWork(invocation, `Forwarding to ${name}`, async (work) => {
        // What is given up may be what is wanted anew.
        await forEach(options.remove, async (port) => {
          const done = await vm.unforward(port, { work });
          removed(forwardJson(done), formatForward(done));
        });
        await forEach(wanted, async (choice) => {
          const done = await vm.forward(choice, { work });
          forwarded(forwardJson(done), formatForward(done));
        });
      });
    }
    if (isChange && !options.list) return undefined;
    const views = await vm.forwards();
    outcome.set({ forwards: views.map(viewJson) });
    outcome.print(formatForwards(views, 'table'));
    return undefined;
  },
});
