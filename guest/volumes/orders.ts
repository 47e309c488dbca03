/** What concerns one name goes one after another; what concerns several waits for all that came before of each. */
export class Orders {
  private readonly last = new Map<string, Promise<unknown>>()

  isBusy(name: string): boolean {
    return this.last.has(name)
  }

  /** Settles as the action does. */
  do<T>(names: readonly string[], action: () => Promise<T>): Promise<T> {
    const result = Promise.all(names.map((name) => this.last.get(name))).then(action)
    const settled = result.then(
      () => {},
      () => {},
    )
    for (const name of names) this.last.set(name, settled)
    void settled.then(() => {
      for (const name of names) if (this.last.get(name) === settled) this.last.delete(name)
    })
    return result
  }
}
