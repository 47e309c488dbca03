/** Which volumes, snapshots and stores one connection of a host has to look at, by uid: it says where to look, not what is there. Anything: null. */
export class VolumeWakes {
  private uids: Set<string> | null = null
  private some = true

  /** Anything may have changed; also after it could not be told. */
  noteWhole(): void {
    this.uids = null
    this.some = true
  }

  note(uids: Iterable<string>): void {
    const before = this.some ? this.uids : new Set<string>()
    this.some = true
    this.uids = before && new Set([...before, ...uids])
  }

  /** Undefined: nothing may have changed. */
  take(): ReadonlySet<string> | null | undefined {
    const taken = this.some ? this.uids : undefined
    this.some = false
    this.uids = null
    return taken
  }
}
