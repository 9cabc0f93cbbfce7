/** Something that stays what it was. */
export interface KeptThing {
  /** Such as `memory`. */
  readonly what: string;
  /** In words. */
  readonly value: string;
}

/** Something that is another afterwards. */
export interface ChangedThing {
  /** Such as `network card`. */
  readonly what: string;
  /** What it was, in words. */
  readonly from: string;
  /** What it is now, in words. */
  readonly to: string;
  /** What comes of that. */
  readonly effect: string;
}

/** Something that there is no place for. */
export interface LostThing {
  /** Such as `mount`. */
  readonly what: string;
  /** What it was, in words. */
  readonly value: string;
  /** What to do in its stead. */
  readonly instead: string;
}

/** What becomes of a machine that goes from one engine to another. */
export interface LossReport {
  /** What stays as it was. */
  readonly kept: readonly KeptThing[];
  /** What is another afterwards. */
  readonly changed: readonly ChangedThing[];
  /** What there is no place for. */
  readonly lost: readonly LostThing[];
  /** What nobody can tell from here: sentences without a full stop. */
  readonly check: readonly string[];
}

/** A report that is being put together. */
export class LossNotes implements LossReport {
  /** As {@link LossReport}. */
  readonly kept: KeptThing[] = [];
  /** As {@link LossReport}. */
  readonly changed: ChangedThing[] = [];
  /** As {@link LossReport}. */
  readonly lost: LostThing[] = [];
  /** As {@link LossReport}. */
  readonly check: string[] = [];

  /** Notes what stays. */
  keep(what: string, value: string | number): void {
    this.kept.push({ what, value: String(value) });
  }

  /** Notes what is another afterwards. */
  change(what: string, [from, to]: readonly [string, string], effect: string): void {
    this.changed.push({ what, from, to, effect });
  }

  /** Notes what there is no place for. */
  lose(what: string, value: string, instead: string): void {
    this.lost.push({ what, value, instead });
  }

  /** The report as plain data. */
  report(): LossReport {
    const { kept, changed, lost, check } = this;
    return { kept, changed, lost, check };
  }
}
