/** A change of one pod's labels may make all groups and policies of its network anew: after one, those of the next while are one. */
const gatherMs = 100

/** Wakes hosts for changes of labels in a network: the first at once, what comes within a while after it together at its end. */
export class LabelWakes {
  private readonly networks = new Map<string, { waiting: Set<string>; timer: NodeJS.Timeout }>()

  constructor(
    private readonly tell: (networkId: string, hostId: string) => void,
    private readonly whileMs = gatherMs,
  ) {}

  wake(networkId: string, hostIds: readonly string[]): void {
    const open = this.networks.get(networkId)
    if (!open) this.begin(networkId)
    for (const hostId of hostIds) {
      if (open) open.waiting.add(hostId)
      else this.tell(networkId, hostId)
    }
  }

  close(): void {
    for (const { timer } of this.networks.values()) clearTimeout(timer)
    this.networks.clear()
  }

  private begin(networkId: string): void {
    const waiting = new Set<string>()
    const timer = setTimeout(() => {
      this.networks.delete(networkId)
      if (waiting.size === 0) return
      this.begin(networkId)
      for (const hostId of waiting) this.tell(networkId, hostId)
    }, this.whileMs).unref()
    this.networks.set(networkId, { waiting, timer })
  }
}
