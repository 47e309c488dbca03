/** What this host let go of by one message: by the key of its report, some addresses of a balancer, or all of a balancer or of a pod's address. */
export type Loss = { key: string; addresses: readonly string[]; isWhole: boolean }

/**
 * What this host let go of while its disk still says otherwise: an agent that began now, this one having been killed, would answer for it again. So nobody is told before the disk
 * says so, too.
 */
export class UnwrittenLosses {
  private readonly losses = new Map<string, Loss>()

  /** @param written resolves when the disk says of these that they are lost. @returns the keys of which this is known to be so, which are to be told anew */
  async add(losses: readonly Loss[], written: Promise<void>): Promise<string[]> {
    const added = losses.map((loss) => {
      const before = this.losses.get(loss.key)
      const both = { key: loss.key, addresses: [...new Set([...before?.addresses ?? [], ...loss.addresses])], isWhole: loss.isWhole || (before?.isWhole ?? false) }
      this.losses.set(loss.key, both)
      return both
    })
    await written
    // Of what lost more since, the disk says it later.
    const over = added.filter((loss) => this.losses.get(loss.key) === loss)
    for (const { key } of over) this.losses.delete(key)
    return over.map(({ key }) => key)
  }

  /** Those that something has lost. */
  of(key: string): readonly string[] {
    return this.losses.get(key)?.addresses ?? []
  }

  /** Whether all of it was let go of. */
  isWhole(key: string): boolean {
    return this.losses.get(key)?.isWhole ?? false
  }
}
