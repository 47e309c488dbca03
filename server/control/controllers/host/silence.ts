/** A host's last sign of life as it stands in the database: its value alone says whether there was a new one. */
export type Sign = { id: string; lastHeartbeat: Date | null }

/**
 * Tells which hosts are silent: whose sign of life has not changed for so long by this process's own steady clock. What the
 * times themselves are does not matter: a clock that was set, forwards or back, makes no host silent, and hides none.
 */
export class Silence {
  private readonly heard = new Map<string, { sign: number; at: number }>()
  constructor(
    private readonly silentMs: number,
    private readonly steady: () => number,
  ) {}

  /** `signs` are those of all hosts that are to be judged; the others are forgotten. */
  find<T extends Sign>(signs: readonly T[]): T[] {
    const at = this.steady()
    const ids = new Set(signs.map(({ id }) => id))
    for (const id of this.heard.keys()) if (!ids.has(id)) this.heard.delete(id)
    return signs.filter(({ id, lastHeartbeat }) => {
      const sign = lastHeartbeat?.getTime() ?? 0
      const before = this.heard.get(id)
      if (before?.sign !== sign) this.heard.set(id, { sign, at })
      return before?.sign === sign && at - before.at >= this.silentMs
    })
  }
}
