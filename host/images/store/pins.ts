/** Counts who needs a thing right now. */
export class Pins {
  readonly #held = new Map<string, number>()

  has(key: string): boolean {
    return this.#held.has(key)
  }

  /** Holds it until the function that is returned is called. */
  hold(key: string): () => void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = (this.#held.get(key) ?? 1) - 1
      if (left > 0) this.#held.set(key, left)
      else this.#held.delete(key)
    }
  }
}
