import { once } from 'node:events';
import { loadAttach, loadConnectToPort, loadSsh } from '../../command-line.js';
import { defineCommand } from '../command.js';
import { showSocket } from '../console-session.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { openKeyboard } from '../keyboard.js';
import { guardByThisCommand } from '../guard-program.js';
import { flag } from '../options.js';

/** ssh's own server, which is reached without another ssh around it. */
const SSH_PORT = '22';

/** What `ssh-config` names as ProxyCommand: joins standard input and output to a port of an instance. */
export const connectPort = defineCommand({
  name: '__connect',
  summary: 'Join standard input and output to a port of an instance',
  description:
    'Join standard input and output to a TCP port of a running instance, for the configuration of ssh.',
  usage: '<name> <port>',
  parameters: [
    ['name', 'The instance'],
    ['port', 'Where a server listens in it'],
  ],
  options: {
    start: flag({ flags: ['--start'], description: 'Start it when it does not run' }),
  },
  hidden: true,
  async run({ context, args, options }) {
    const [name, port, ...more] = args;
    if (name === undefined || port === undefined || more.length > 0) {
      throw usageError('Wrong number of arguments given');
    }
    if (!/^[1-9][0-9]{0,4}$/.test(port)) throw usageError(`Invalid port '${port}'`);
    const { layout, store, signal } = context;
    if (options.start) {
      await guardByThisCommand();
      await (await store.instance(name)).start({ work: { signal } });
    }
    const { connectToSsh, runningGuest } = await loadConnectToPort();
    const guest = await runningGuest({ layout, name });
    // Where no connection can be made from here, ssh makes it.
    if (port !== SSH_PORT || guest.address.through !== undefined) {
      const { sshWords } = await loadSsh();
      const { runAttached } = await loadAttach();
      const [file, ...words] = sshWords(guest, ['-W', `127.0.0.1:${port}`]);
      return await runAttached(file, words, { cwd: layout.root, signal });
    }
    const socket = await connectToSsh({ layout, name });
    using keyboard = openKeyboard({
      onPiece: (piece) => socket.write(piece),
      ready: async () => {
        await once(socket, 'drain').catch(() => undefined);
      },
      onEnd: () => void socket.end(),
    });
    await showSocket(socket, context.stdout);
    socket.destroy();
    return keyboard.isTerminal ? EXIT.failed : EXIT.ok;
  },
});
