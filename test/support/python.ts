import { existsSync } from 'node:fs';

const OF_THE_SYSTEM = '/usr/bin/python3';

/** The system's own Python, which the set-up script gives PyYAML: one of a version manager may lack it. */
export const PYTHON = existsSync(OF_THE_SYSTEM) ? OF_THE_SYSTEM : 'python3';
