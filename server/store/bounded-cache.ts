/** Remembers values up to so many bytes in all; what was asked for longest ago is forgotten first. What is larger than that alone is not kept. */
export class BoundedCache<V> {
  private readonly entries = new Map<string, { value: V; bytes: number }>()
  private used = 0

  constructor(private readonly maxBytes: number) {}

  get(key: string): V | undefined {
    const found = this.entries.get(key)
    if (!found) return undefined
    this.entries.delete(key)
    this.entries.set(key, found)
    return found.value
  }

  /** @param bytes about how much the value takes of memory */
  set(key: string, value: V, bytes: number): void {
    this.delete(key)
    if (bytes > this.maxBytes) return
    this.entries.set(key, { value, bytes })
    this.used += bytes
    for (const oldest of this.entries.keys()) {
      if (this.used <= this.maxBytes) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    this.used -= this.entries.get(key)?.bytes ?? 0
    this.entries.delete(key)
  }

  clear(): void {
    this.entries.clear()
    this.used = 0
  }

  get bytes(): number {
    return this.used
  }
}
