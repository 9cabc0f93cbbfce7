/** Names of a shared network's files in its folder. */
export const SHARED_FILES = {
  /** Every machine on the network holds a shared lock on it; the holder waits for an exclusive one. */
  alive: 'alive',
  /** Who waits. */
  holder: 'holder.pid',
  holderLog: 'holder.log',
  /** The way out, a slirp4netns, and where it is told of ports. */
  wayOut: 'slirp.pid',
  wayOutSocket: 'slirp.sock',
  wayOutLog: 'slirp.log',
  /** A FIFO that the holder keeps open: the way out ends with it. */
  leash: 'slirp.leash',
} as const;
