import type { MultipassError } from '../../errors.js';
import type { Forward } from '../records/forward.js';

/** A forward that could not be made. */
export interface RefusedForward {
  readonly forward: Forward;
  readonly error: MultipassError;
}

/** How ports of the host lead into one running instance: what its first network card is plugged into decides. */
export interface ForwardWay {
  /**
   * Makes those that there are not yet; what one of them fails for is no matter of the others.
   * @returns those that were refused: PORT_TAKEN, PERMISSION_DENIED, NETWORK_FAILED
   * @throws MultipassError when none can be made: INSTANCE_NOT_RUNNING, QMP_FAILED, ABORTED
   */
  apply(forwards: readonly Forward[]): Promise<readonly RefusedForward[]>;
  /** Ends some; one that there is not is no error. @throws MultipassError INSTANCE_NOT_RUNNING, QMP_FAILED, … */
  remove(forwards: readonly Forward[]): Promise<void>;
  /** Which of some there are now, as the kernel says. Changes nothing, and waits for nobody. */
  active(forwards: readonly Forward[]): Promise<readonly Forward[]>;
}
