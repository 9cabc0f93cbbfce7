import type { FuzzedReader } from '../reader.js';
import { disks } from './disks.js';
import { foreign } from './foreign.js';
import { guests } from './guests.js';
import { iso } from './iso.js';
import { legacy } from './legacy.js';
import { records } from './records.js';
import { registry } from './registry.js';
import { seeds } from './seeds.js';
import { sockets } from './sockets.js';
import { storeFiles } from './store-files.js';
import { tar } from './tar.js';
import { travel } from './travel.js';
import { xml } from './xml.js';

/** Every reader of what comes from outside of the program, and may be anything. */
export const allReaders: readonly FuzzedReader[] = [
  ...records,
  ...storeFiles,
  ...legacy,
  ...registry,
  ...travel,
  ...seeds,
  ...foreign,
  ...disks,
  ...iso,
  ...tar,
  ...guests,
  ...sockets,
  xml,
];
