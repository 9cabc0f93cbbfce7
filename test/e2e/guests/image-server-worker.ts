/** The image server as a process that can be put into a network namespace; it goes when its stdin is at its end. */
import { ImageServer } from '../../support/image-server.js';

const [disk = ''] = process.argv.slice(2);
const server = await ImageServer.start({ disk });
process.stdout.write(`${server.url}\n`);
process.stdin.resume().once('end', () => process.exit());
