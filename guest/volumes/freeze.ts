import * as os from 'qjs:os'
import { GuestError } from '@/guest/errors'
import { pause } from '@/guest/pause'
import { runScript } from '@/guest/processes'
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

/** File systems to which nothing is written for a while. None stays so when nobody is there any more to end it. */
export class Freezer {
  private readonly frozen = new Map<string, { path: string; timer: object }>()

  isFrozen(name: string): boolean {
    return this.frozen.has(name)
  }

  /** All or none. Throws Busy where writers do not come to rest in time. */
  async freeze(volumes: readonly AttachedVolume[], timeoutMilliseconds: number): Promise<string[]> {
    const again = volumes.find(({ name }) => this.frozen.has(name))
    if (again) throw new GuestError('Conflict', 'the volume is frozen already', again.name)
    const written = volumes.filter(({ readOnly }) => !readOnly)
    if (written.length === 0) return []
    const paths = written.map(({ path }) => path)
    for (const { name, path } of written) this.frozen.set(name, { path, timer: os.setTimeout(() => void this.thaw([name]), timeoutMilliseconds) })
    const names = written.map(({ name }) => name)
    const freezing = runScript(freezeScript, paths)
    const ended = await Promise.race([freezing, pause(timeoutMilliseconds).then(() => undefined)])
    if (ended?.exitCode === 0 && names.every((name) => this.frozen.has(name))) return names
    for (const name of names) this.forget(name)
    if (ended && ended.exitCode !== 0) throw new GuestError('Unavailable', `the file systems could not be frozen, and none is: ${ended.output}`, names[0] ?? '')
    // What comes to rest too late goes on at once.
    void freezing.then(() => runScript(thawScript, paths))
    throw new GuestError('Busy', `writers did not come to rest within ${timeoutMilliseconds} ms, and nothing is frozen: try again, or take the snapshot without freezing`, names[0] ?? '')
  }

  /** Nothing for those that are not frozen. */
  async thaw(names: readonly string[]): Promise<void> {
    const ending = names.flatMap((name) => {
      const frozen = this.forget(name)
      return frozen ? [frozen.path] : []
    })
    if (ending.length > 0) await runScript(thawScript, ending)
  }

  private forget(name: string): { path: string } | undefined {
    const frozen = this.frozen.get(name)
    this.frozen.delete(name)
    if (frozen) os.clearTimeout(frozen.timer)
    return frozen
  }

  thawAll(): void {
    void this.thaw([...this.frozen.keys()])
  }
}
