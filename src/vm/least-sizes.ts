const MIB = 1024 ** 2;

/** Multipass's least memory of an instance, in bytes. */
export const LEAST_MEMORY = 128 * MIB;

/** Multipass's least disk of an instance, in bytes; its image may want more. */
export const LEAST_DISK = 512 * MIB;

/** Multipass's text for too little memory. */
export const TOO_LITTLE_MEMORY = 'Memory less than 128M minimum not allowed';
