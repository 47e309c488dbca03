import { GuestError } from '@/guest/errors'
import { Orders } from '@/guest/volumes/orders'
import type { AttachedVolume } from '@/guest/volumes/volume'

/** Freezes one after another; where one cannot be, those before it go on. The last line names the one. */
const freezeScript = `
for folder in "$@"; do
  fsfreeze --freeze "$folder" 2>&1 && continue
  for before in "$@"; do
    [ "$before" = "$folder" ] && break
    fsfreeze --unfreeze "$before"
  done
  exit 1
done
`
const thawScript = 'for folder in "$@"; do fsfreeze --unfreeze "$folder"; done; exit 0'

/** `run`: a shell text with arguments, see guest/processes.ts. `after`: does something later, unless it is called off by what it returns. */
export type FreezerSystem = {
  run: (script: string, args: readonly string[]) => Promise<{ exitCode: number; output: string }>
  after: (milliseconds: number, action: () => void) => () => void
}

/** `isThere`: it is frozen, and somebody has to thaw it. */
type Held = { name: string; path: string; callOff: () => void; isThere: boolean }

/** File systems to which nothing is written for a while. None stays so when nobody is there any more to end it. */
export class Freezer {
  private readonly held = new Map<string, Held>()
  /** A freeze that is given up may succeed long after, and is thawed then: nobody else freezes the same one before, or that would end his. */
  private readonly orders = new Orders()

  constructor(private readonly system: FreezerSystem) {}

  /** Also while a freeze that was given up is not over. */
  isFrozen(name: string): boolean {
    return this.held.has(name) || this.orders.isBusy(name)
  }

  /** All or none. Throws Busy where writers do not come to rest in time. */
  async freeze(volumes: readonly Pick<AttachedVolume, 'name' | 'path' | 'readOnly'>[], timeoutMilliseconds: number): Promise<string[]> {
    const again = volumes.find(({ name }) => this.held.has(name))
    if (again) throw new GuestError('Conflict', 'the volume is frozen already', again.name)
    const written = volumes.filter(({ readOnly }) => !readOnly)
    const [first] = written
    if (!first) return []
    const mine = written.map(({ name, path }) => ({ name, path, callOff: this.system.after(timeoutMilliseconds, () => void this.thaw([name])), isThere: false }))
    for (const one of mine) this.held.set(one.name, one)
    const names = mine.map(({ name }) => name)
    const ended = await Promise.race([this.orders.do(names, () => this.freezeNow(mine)), new Promise<null>((resolve) => this.system.after(timeoutMilliseconds, () => resolve(null)))])
    if (ended?.exitCode === 0) return names
    void this.thaw(mine.flatMap((one) => (this.isHeld(one) ? [one.name] : [])))
    if (ended) throw new GuestError('Unavailable', `the file systems could not be frozen, and none is: ${ended.output}`, first.name)
    throw new GuestError('Busy', `writers did not come to rest within ${timeoutMilliseconds} ms, and nothing is frozen: try again, or take the snapshot without freezing`, first.name)
  }

  /** Null: it comes too late, and what was frozen goes on. */
  private async freezeNow(mine: readonly Held[]): Promise<{ exitCode: number; output: string } | null> {
    const isWanted = () => mine.every((one) => this.isHeld(one))
    if (!isWanted()) return null
    const paths = mine.map(({ path }) => path)
    const ended = await this.system.run(freezeScript, paths)
    if (ended.exitCode !== 0) return ended
    if (isWanted()) {
      for (const one of mine) one.isThere = true
      return ended
    }
    await this.system.run(thawScript, paths)
    return null
  }

  private isHeld(one: Held): boolean {
    return this.held.get(one.name) === one
  }

  /** Nothing for those that are not frozen; what is being frozen goes on as soon as it is. */
  async thaw(names: readonly string[]): Promise<void> {
    const there = names.flatMap((name) => {
      const one = this.forget(name)
      return one?.isThere ? [one] : []
    })
    if (there.length > 0) await this.orders.do(there.map(({ name }) => name), () => this.system.run(thawScript, there.map(({ path }) => path)))
  }

  private forget(name: string): Held | undefined {
    const one = this.held.get(name)
    this.held.delete(name)
    one?.callOff()
    return one
  }

  thawAll(): void {
    void this.thaw([...this.held.keys()])
  }
}
