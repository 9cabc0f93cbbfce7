import type { Command } from '../command.js';
import type { Described } from '../format/terms.js';

/** A part of a topic: what is said first, and the terms it explains. */
export interface TopicPart {
  readonly text: string;
  readonly terms: readonly Described[];
}

/** Something that is about more than one command: the argument of `help`. */
export interface Topic {
  readonly name: string;
  /** As a heading, and in the list of topics. */
  readonly title: string;
  /** @param commands every command there is */
  readonly parts: (commands: readonly Command[]) => readonly TopicPart[];
}
