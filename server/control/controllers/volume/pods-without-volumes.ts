/** Their number is bounded; whoever is forgotten is asked for once more. */
const most = 10_000

/**
 * Pods of which it was found that they name no volume and have none. A pod changes a dozen times while it starts, and what it names stays as it is: asking the database at each change would cost every start, for what
 * most pods do not have. Only an attachment changes that, which is a change of its volume. It is lost with this process, and found anew.
 */
export class PodsWithoutVolumes {
  private readonly uids = new Set<string>()
  private attachments = 0

  has(podUid: string): boolean {
    return this.uids.has(podUid)
  }

  /** To be called before it is looked whether a pod has volumes; the answer is noted with what this returns, unless one was seen with a volume meanwhile. */
  begin(): number {
    return this.attachments
  }

  note(podUid: string, begun: number): void {
    if (begun !== this.attachments) return
    if (this.uids.size >= most) this.uids.clear()
    this.uids.add(podUid)
  }

  /** Pods that have volumes. Returns those that were taken for having none: what changed of them meanwhile was not looked at. */
  attached(podUids: readonly string[]): string[] {
    if (podUids.length > 0) this.attachments += 1
    return podUids.filter((uid) => this.uids.delete(uid))
  }
}
