import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';

/** The settings of one kind: of the store, of its instances, … Which of them a key belongs to is for them to say. */
export interface SettingHandler {
  /** The keys there are now, in no order. */
  keys(layout: StoreLayout): Promise<string[]>;
  /** The value as `get` prints it, '' for nothing; undefined when the key is not of this kind. */
  get(layout: StoreLayout, key: string): string | undefined;
  /** @returns false when the key is not of this kind */
  set(
    layout: StoreLayout,
    key: string,
    value: string,
    options: { readonly work: Work },
  ): Promise<boolean>;
}
