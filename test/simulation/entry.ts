/** What a process of the simulated machine runs: the product as it is, and what the simulation asks it besides. */
export { openStore } from '../../src/index.js';
export { settleAll } from './settle-all.js';
